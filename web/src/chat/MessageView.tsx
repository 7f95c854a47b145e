/** One row of a conversation. */

import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import type { Conversation } from "./conversation";
import type { Item } from "./items";
import styles from "./Message.module.css";
import { QuestionView } from "./QuestionView";
import { ReplyView } from "./ReplyView";
import type { ViewState } from "./view-state";

export interface MessageViewProps {
  item: Item;
  conversation: Conversation;
  view: ViewState;
  isLast: boolean;
}

export function MessageView({ item, conversation, view, isLast }: MessageViewProps) {
  const row = useRef<HTMLElement>(null);
  const isTarget = view.target.value === item.key;
  useEffect(() => {
    if (isTarget) row.current?.focus({ preventScroll: true });
  }, [isTarget]);
  const look = item.kind === "question" ? styles.asks : styles.message;
  return (
    <article
      ref={row}
      class={`${look} ${isTarget ? styles.marked : ""}`}
      tabIndex={-1}
      data-key={item.key}
      aria-label={item.kind === "question" ? t.value.you : t.value.assistant}
      onAnimationEnd={(event) => {
        if (event.target === row.current) view.target.value = null;
      }}
    >
      {item.kind === "question" ? (
        <QuestionView item={item} conversation={conversation} view={view} isLast={isLast} />
      ) : (
        <ReplyView item={item} conversation={conversation} view={view} isLast={isLast} />
      )}
    </article>
  );
}
