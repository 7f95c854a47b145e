/** Reads what is older than the first message of the list, a page at a time, and lets the list know where it went. */

import { useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { sayFailure } from "../ui/toasts";
import type { Conversation } from "./conversation";
import type { Item } from "./items";

/** `state` is for showing. */
export function useOlder(conversation: Conversation) {
  const state = useSignal<"rest" | "reading" | "failed">("rest");
  const read = async () => {
    if (state.peek() === "reading" || !conversation.hasOlder.peek()) return;
    state.value = "reading";
    try {
      await conversation.loadOlder();
      state.value = "rest";
    } catch (error) {
      state.value = "failed";
      sayFailure(error);
    }
  };
  return {
    state,
    /** Not again by itself after it failed. */
    read: () => {
      if (state.peek() === "rest") void read();
    },
    retry: () => void read(),
  };
}

/** Whether older items were put before those that were shown. */
export function useIsShifted(items: readonly Item[]): boolean {
  const before = useRef<readonly Item[]>([]);
  const isShifted =
    before.current.length > 0 &&
    items.length > before.current.length &&
    items.at(-1)?.key === before.current.at(-1)?.key &&
    items[0]?.key !== before.current[0]?.key;
  useLayoutEffect(() => {
    before.current = items;
  });
  return isShifted;
}
