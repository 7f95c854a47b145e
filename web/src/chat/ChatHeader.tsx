/** Above a chat: what it is called, who answers in it, and what can be done with it. */

import { useRef, useState } from "preact/hooks";
import { ChatMenu } from "../chats/ChatMenu";
import { rowOf } from "../chats/list";
import { RenameField } from "../chats/RenameField";
import { t } from "../i18n/i18n";
import { ChatSettings } from "../providers/ChatSettings";
import { ModelPicker } from "../providers/ModelPicker";
import { isWide } from "../shell/sidebar";
import { ViewHeader } from "../shell/ViewHeader";
import styles from "./ChatHeader.module.css";
import type { Conversation } from "./conversation";

export function ChatHeader({ conversation }: { conversation: Conversation }) {
  const { chatId } = conversation;
  const [isRenamed, setRenamed] = useState(false);
  const name = useRef<HTMLButtonElement>(null);
  const title = titleOf(conversation);
  const end = (isByKey: boolean) => {
    setRenamed(false);
    if (isByKey) setTimeout(() => name.current?.focus());
  };
  const heading = isRenamed ? (
    <RenameField chatId={chatId} title={title} onEnd={end} />
  ) : (
    <button ref={name} type="button" class={styles.name} title={t.value.renameChat} onClick={() => setRenamed(true)}>
      {title}
    </button>
  );
  return (
    <ViewHeader title={title === "" ? t.value.newChat : heading}>
      {isWide.value && <ModelPicker chatId={chatId} />}
      <ChatSettings conversation={conversation} />
      {title !== "" && <ChatMenu chatId={chatId} title={title} onRename={() => setRenamed(true)} />}
    </ViewHeader>
  );
}

/** The list hears of new titles first. Empty for a chat that has none yet. */
export function titleOf(conversation: Conversation): string {
  return rowOf(conversation.chatId)?.title || conversation.title.value;
}
