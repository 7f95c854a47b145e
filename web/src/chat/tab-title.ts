/** The title of the browser's tab: the chat's, with a sign of what happens there while nobody looks. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { t } from "../i18n/i18n";
import { titleOf } from "./ChatHeader";
import type { Conversation } from "./conversation";

/** `unseen` is what a reply did while the tab was hidden. */
export function tabTitle(title: string, unseen: "writes" | "done" | null): string {
  const sign = unseen === null ? "" : unseen === "writes" ? "… " : "✓ ";
  return `${sign}${title} – chatkeep`;
}

export function useTabTitle(conversation: Conversation): void {
  const isHidden = useSignal(document.hidden);
  const wasWriting = useSignal(false);
  useEffect(() => {
    const look = () => {
      isHidden.value = document.hidden;
    };
    document.addEventListener("visibilitychange", look);
    return () => {
      document.removeEventListener("visibilitychange", look);
      document.title = t.peek().appName; // of who has left, nobody should read what it was about
    };
  }, []);
  useSignalEffect(() => {
    const isWriting = conversation.live.value !== null;
    if (!isHidden.value) wasWriting.value = false;
    else if (isWriting) wasWriting.value = true;
    const unseen = !isHidden.value ? null : isWriting ? "writes" : wasWriting.value ? "done" : null;
    document.title = tabTitle(titleOf(conversation) || t.value.newChat, unseen);
  });
}
