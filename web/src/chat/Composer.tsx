/** Where a message is typed and sent. */

import { useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { fieldsOf, optionsOf } from "../providers/options";
import { Button } from "../ui/Button";
import type { Conversation } from "./conversation";
import { draftOf, keepDraft } from "./drafts";

export function Composer({ conversation }: { conversation: Conversation }) {
  const [text, setText] = useState(draftOf(conversation.chatId));
  const change = (next: string) => {
    setText(next);
    keepDraft(conversation.chatId, next);
  };
  const send = () => {
    if (text.trim() === "") return;
    conversation.send({ text, images: [] }, fieldsOf(optionsOf(conversation.chatId).value));
    change("");
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      <textarea aria-label={t.value.message} value={text} onInput={(event) => change(event.currentTarget.value)} />
      <Button type="submit" look="main">
        {t.value.send}
      </Button>
    </form>
  );
}
