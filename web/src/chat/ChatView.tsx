/** One chat: its messages, and below them what is typed. */

import { useEffect, useMemo } from "preact/hooks";
import { t } from "../i18n/i18n";
import { ViewHeader } from "../shell/ViewHeader";
import styles from "./ChatView.module.css";
import { Composer } from "./Composer";
import { Conversation } from "./conversation";
import { MessageList } from "./MessageList";

export function ChatView({ chatId, messageId }: { chatId: string; messageId: string | null }) {
  const conversation = useMemo(() => new Conversation(chatId), [chatId]);
  useEffect(() => {
    void conversation.load();
    return () => conversation.close();
  }, [conversation]);
  return (
    <section class={styles.chat} aria-label={conversation.title.value || t.value.newChat}>
      <ViewHeader title={conversation.title.value || t.value.newChat} />
      <MessageList conversation={conversation} messageId={messageId} />
      <Composer conversation={conversation} />
    </section>
  );
}
