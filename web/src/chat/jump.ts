/** Goes to the message that the address names, wherever it stands. */

import { useEffect } from "preact/hooks";
import type { VirtualizerHandle } from "virtua";
import { t } from "../i18n/i18n";
import { say, sayFailure } from "../ui/toasts";
import type { Conversation } from "./conversation";
import { type Item, isOf } from "./items";
import type { ScrollerRef } from "./list-end";
import type { ViewState } from "./view-state";

const ABOVE_TARGET_PX = 16;
const QUIET_FRAMES = 5;

/** `leave` lets go of the list's end. */
export function useJump(
  conversation: Conversation,
  view: ViewState,
  messageId: string | null,
  items: { current: readonly Item[] },
  list: { current: VirtualizerHandle | null },
  scroller: ScrollerRef,
  leave: () => void,
) {
  useEffect(() => {
    if (messageId === null) return;
    let isOver = false;
    let stop = () => {};
    const jump = async () => {
      const isThere = await conversation.reach(messageId);
      if (isOver) return;
      const place = items.current.findIndex((item) => isOf(item, messageId));
      const key = items.current[place]?.key;
      if (!isThere || key === undefined) return say(t.value.messageGone);
      leave();
      const offsetOf = () => {
        const now = items.current.findIndex((item) => item.key === key);
        return now < 0 ? null : (list.current?.getItemOffset(now) ?? null);
      };
      view.target.value = key;
      stop = scroller.current === null ? stop : settleAt(scroller.current, offsetOf);
    };
    jump().catch((error: unknown) => {
      if (!isOver) sayFailure(error);
    });
    return () => {
      isOver = true;
      stop();
    };
  }, [conversation, messageId]);
}

/**
 * Scroll to an offset that gets known better with each row that is measured, until it stays, or the reader does anything.
 * Why not virtua's scrollToIndex: it holds the view for as long as sizes change, and a reply that is written never stops.
 */
function settleAt(scroller: HTMLElement, offsetOf: () => number | null): () => void {
  let quietFrames = 0;
  let frame = 0;
  const reader = new AbortController();
  const stop = () => {
    cancelAnimationFrame(frame);
    reader.abort();
  };
  const settle = () => {
    const offset = offsetOf();
    if (offset === null || quietFrames >= QUIET_FRAMES) return stop();
    const before = scroller.scrollTop;
    scroller.scrollTop = offset - ABOVE_TARGET_PX;
    quietFrames = scroller.scrollTop === before ? quietFrames + 1 : 0;
    frame = requestAnimationFrame(settle);
  };
  for (const name of ["wheel", "touchstart", "pointerdown", "keydown"]) {
    scroller.addEventListener(name, stop, { signal: reader.signal, passive: true });
  }
  settle();
  return stop;
}
