/** One chat of the list: the link to it, what goes on in it, and its menu. */

import { signal } from "@preact/signals";
import { MessageSquareDot } from "lucide-preact";
import { useRef } from "preact/hooks";
import { t } from "../i18n/i18n";
import { hashOf, route } from "../routes";
import styles from "./ChatListRow.module.css";
import { ChatMenu } from "./ChatMenu";
import { liveChats } from "./list";
import { RenameField } from "./RenameField";
import type { ChatRow } from "./stretch";
import { unread } from "./unread";

/** The id of the chat whose title is being changed in its row. */
export const renamed = signal<string | null>(null);

export interface ChatListRowProps {
  row: ChatRow;
  isTabStop: boolean;
  onDelete: (row: ChatRow) => void;
}

export function ChatListRow({ row, isTabStop, onDelete }: ChatListRowProps) {
  const { chatId, title } = row;
  const box = useRef<HTMLDivElement>(null);
  const isOpen = route.value.view === "chat" && route.value.chatId === chatId;
  const isLive = liveChats.value.has(chatId);
  const isUnread = unread.value.has(chatId);
  const shown = title || chatId;
  if (renamed.value === chatId) {
    const onEnd = (isByKey: boolean) => {
      renamed.value = null;
      if (isByKey) requestAnimationFrame(() => box.current?.querySelector("a")?.focus());
    };
    return (
      <div ref={box} class={styles.row} data-chat={chatId}>
        <RenameField chatId={chatId} title={title} onEnd={onEnd} />
      </div>
    );
  }
  const tabIndex = isTabStop ? 0 : -1;
  return (
    <div ref={box} class={`${styles.row} ${isOpen ? styles.open : ""}`}>
      <a
        class={`${styles.link} ${isUnread ? styles.unread : ""}`}
        href={hashOf({ view: "chat", chatId, messageId: null })}
        title={shown}
        aria-current={isOpen ? "page" : undefined}
        tabIndex={tabIndex}
        data-chat={chatId}
      >
        <span class={styles.title}>{shown}</span>
        {isLive && <Sign className={styles.live ?? ""} says={t.value.isAnswering} />}
        {isUnread && !isLive && (
          <>
            <MessageSquareDot class={styles.news} size={16} aria-hidden="true" />
            <span class="unseen">{t.value.hasNewReply}</span>
          </>
        )}
      </a>
      <span class={styles.menu} data-chat={chatId}>
        <ChatMenu
          chatId={chatId}
          title={title}
          tabIndex={tabIndex}
          onRename={() => {
            renamed.value = chatId;
          }}
          onDelete={() => onDelete(row)}
        />
      </span>
    </div>
  );
}

function Sign({ className, says }: { className: string; says: string }) {
  return (
    <>
      <span class={className} title={says} />
      <span class="unseen">{says}</span>
    </>
  );
}
