/** The keys that hold while a chat is open. What keys mean where text is typed: keys.ts. */

import { useEffect } from "preact/hooks";
import { t } from "../i18n/i18n";
import { type Binding, bindKey } from "../keys";
import { copyText } from "../ui/clipboard";
import { attempt, say } from "../ui/toasts";
import { regenerate } from "./actions";
import type { Conversation } from "./conversation";
import { ItemKeys, itemsOf, textOf } from "./items";
import type { ViewState } from "./view-state";

export function useChatKeys(conversation: Conversation, view: ViewState): void {
  useEffect(() => {
    const ends = keysOf(conversation, view).map(bindKey);
    return () => {
      for (const end of ends) end();
    };
  }, [conversation, view]);
}

function keysOf(conversation: Conversation, view: ViewState): readonly Binding[] {
  const group = "chat";
  const isLive = () => conversation.live.peek()?.state.peek() === "running";
  const stop = () => void attempt(conversation.stop());
  const isInComposer = ({ target }: KeyboardEvent) => target === view.composer.current;
  return [
    { keys: ["c"], group, label: () => t.value.toComposer, run: () => view.composer.current?.focus() },
    { keys: ["$mod+."], group, label: () => t.value.stop, run: stop, isFor: isLive },
    {
      keys: ["Escape"],
      group,
      label: () => t.value.stopFromComposer,
      run: stop,
      isFor: (event) => isInComposer(event) && isLive(),
    },
    {
      keys: ["$mod+Shift+c", "y"],
      group,
      label: () => t.value.copyLastReply,
      run: () => void copyLastReply(conversation),
      isFor: () => lastReplyOf(conversation) !== null,
    },
    {
      keys: ["Alt+KeyR"],
      group,
      label: () => t.value.regenerate,
      run: () => regenerateLast(conversation),
      isFor: () => lastReplyOf(conversation) !== null && conversation.live.peek() === null,
    },
  ];
}

function lastReplyOf(conversation: Conversation) {
  const { messages, live, asked } = conversation;
  const last = itemsOf(messages.peek(), live.peek(), asked.peek(), new ItemKeys()).findLast(
    (item) => item.kind === "reply",
  );
  return last?.kind === "reply" ? last : null;
}

async function copyLastReply(conversation: Conversation): Promise<void> {
  const reply = lastReplyOf(conversation);
  if (reply === null) return;
  const isCopied = await copyText(textOf(reply));
  say(isCopied ? t.value.copied : t.value.copyFailed, { tone: isCopied ? "plain" : "danger" });
}

function regenerateLast(conversation: Conversation): void {
  const [first] = lastReplyOf(conversation)?.parts ?? [];
  if (first?.id) regenerate(conversation, first.id);
}
