/** Tells screen readers that a reply has begun and how it ended: once each, never its words. */

import { useSignal, useSignalEffect } from "@preact/signals";
import { t } from "../i18n/i18n";
import type { Strings } from "../i18n/strings";
import type { Conversation } from "./conversation";
import type { LiveReply } from "./live-reply";

export function Announcer({ conversation }: { conversation: Conversation }) {
  const news = useSignal("");
  useSignalEffect(() => {
    const live = conversation.live.value;
    if (live !== null) news.value = newsOf(live, t.value);
  });
  return (
    <p class="unseen" role="status">
      {news.value}
    </p>
  );
}

/** Empty as long as there is none. */
export function newsOf(live: LiveReply, strings: Strings): string {
  const ending = live.ending.value;
  if (ending === null) return live.text.value === "" && live.reasoning.value === "" ? "" : strings.replyBegun;
  if (ending.type === "failed") return strings.replyFailed;
  return ending.done.state === "stopped" ? strings.replyStopped : strings.replyDone;
}
