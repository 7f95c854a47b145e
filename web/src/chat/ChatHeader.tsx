/** Above a chat: what it is called. */

import { useRef, useState } from "preact/hooks";
import { chats, rename } from "../chats/list";
import { t } from "../i18n/i18n";
import { ChatSettings } from "../providers/ChatSettings";
import { ModelPicker } from "../providers/ModelPicker";
import { attempt } from "../ui/toasts";
import styles from "./ChatHeader.module.css";
import type { Conversation } from "./conversation";

const MOST_CHARACTERS = 200; // docs/api.md, Change a chat

export function ChatHeader({ conversation }: { conversation: Conversation }) {
  const title = titleOf(conversation);
  return (
    <header class={styles.header}>
      {title === "" ? (
        <h1 class={styles.title}>{t.value.newChat}</h1>
      ) : (
        <Title key={title} title={title} chatId={conversation.chatId} />
      )}
      <ModelPicker chatId={conversation.chatId} />
      <ChatSettings conversation={conversation} />
    </header>
  );
}

/** The list hears of new titles first. Empty for a chat that has none yet. */
export function titleOf(conversation: Conversation): string {
  const row = chats.value?.find(({ chatId }) => chatId === conversation.chatId);
  return row?.title || conversation.title.value;
}

function Title({ title, chatId }: { title: string; chatId: string }) {
  const [isEdited, setEdited] = useState(false);
  const isLeft = useRef(false);
  const end = (text: string | null) => {
    if (isLeft.current) return; // taking the field away takes its focus too
    isLeft.current = true;
    setEdited(false);
    if (text && text !== title) void attempt(rename(chatId, text));
  };
  if (!isEdited) {
    return (
      <h1 class={styles.title}>
        <button
          type="button"
          class={styles.name}
          title={t.value.renameChat}
          onClick={() => {
            isLeft.current = false;
            setEdited(true);
          }}
        >
          {title}
        </button>
      </h1>
    );
  }
  return (
    <input
      ref={(field) => field?.select()}
      class={styles.field}
      aria-label={t.value.title}
      defaultValue={title}
      maxLength={MOST_CHARACTERS}
      onBlur={(event) => end(event.currentTarget.value.trim())}
      onKeyDown={(event) => {
        if (event.isComposing) return;
        if (event.key === "Enter") end(event.currentTarget.value.trim());
        if (event.key === "Escape") end(null);
      }}
    />
  );
}
