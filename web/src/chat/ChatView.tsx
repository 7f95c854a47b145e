/** One chat: its messages, and below them what is typed. */

import { useSignalEffect } from "@preact/signals";
import { TriangleAlert } from "lucide-preact";
import { useEffect, useMemo } from "preact/hooks";
import { Refused } from "../api/client";
import { t } from "../i18n/i18n";
import { route } from "../routes";
import { Button } from "../ui/Button";
import { Announcer } from "./Announcer";
import { ChatHeader } from "./ChatHeader";
import styles from "./ChatView.module.css";
import { Composer } from "./Composer";
import { useChatKeys } from "./chat-keys";
import { Conversation } from "./conversation";
import { NEW_CHAT } from "./drafts";
import { MessageList } from "./MessageList";
import { NewChat } from "./NewChat";
import { Notice } from "./Notice";
import { problemText } from "./problems";
import { useTabTitle } from "./tab-title";
import { ViewState } from "./view-state";

export function ChatView({ chatId, messageId }: { chatId: string; messageId: string | null }) {
  // A new chat stays in its place when it gets its address with the first message.
  const [conversation, view] = useMemo(() => {
    const isNew = route.peek().view === "new";
    return [new Conversation(chatId, isNew), new ViewState(isNew ? NEW_CHAT : chatId)];
  }, [chatId]);
  useEffect(() => {
    if (conversation.state.peek() !== "new") void conversation.load();
    return () => conversation.close();
  }, [conversation]);
  useSignalEffect(() => {
    if (route.value.view === "chat" && route.value.chatId === chatId) view.draft.moveTo(chatId);
  });
  useTabTitle(conversation);
  useChatKeys(conversation, view);
  const isFailed = conversation.state.value === "failed";
  return (
    <section class={styles.chat} aria-label={conversation.title.value || t.value.newChat}>
      <ChatHeader conversation={conversation} />
      <Content conversation={conversation} view={view} messageId={messageId} />
      {!isFailed && <Composer conversation={conversation} view={view} />}
      <Announcer conversation={conversation} />
    </section>
  );
}

interface ContentProps {
  conversation: Conversation;
  view: ViewState;
  messageId: string | null;
}

function Content({ conversation, view, messageId }: ContentProps) {
  const state = conversation.state.value;
  if (state === "failed") return <Failed conversation={conversation} />;
  const isEmpty = conversation.messages.value.every(({ role }) => role === "system");
  const isAsked = conversation.asked.value.length > 0 || conversation.live.value !== null;
  if (state === "new" && isEmpty && !isAsked) return <NewChat view={view} />;
  if (state === "loading" && messageId === null) return <Loading />;
  return <MessageList conversation={conversation} view={view} messageId={messageId} />;
}

/** Where the messages will be. */
function Loading() {
  return (
    <div class={styles.loading} role="status">
      <span class="unseen">{t.value.loadingChat}</span>
      <span class={styles.boneRight} />
      <span class={styles.bone} />
      <span class={styles.bone} />
      <span class={styles.boneShort} />
    </div>
  );
}

function Failed({ conversation }: { conversation: Conversation }) {
  const problem = conversation.problem.value;
  const text = problem instanceof Refused ? problemText(problem.code, t.value) : t.value.unreachable;
  return (
    <div class={styles.failed}>
      <h2 class={styles.failedTitle}>{t.value.chatFailed}</h2>
      <Notice tone="danger" icon={TriangleAlert} text={text} detail={problem instanceof Refused ? problem.detail : ""}>
        <Button onClick={() => conversation.tryAgain()}>{t.value.tryAgain}</Button>
      </Notice>
    </div>
  );
}
