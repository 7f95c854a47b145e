/** The deleted chats, and the way back for each. */

import { Undo2 } from "lucide-preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { Unreachable } from "../api/client";
import { language, t } from "../i18n/i18n";
import { go } from "../routes";
import { ViewHeader } from "../shell/ViewHeader";
import { Button } from "../ui/Button";
import { attempt, say } from "../ui/toasts";
import { restore } from "./actions";
import styles from "./TrashView.module.css";
import { restorable, Trash, type TrashRow } from "./trash";

export function TrashView() {
  const trash = useMemo(() => new Trash(), []);
  useEffect(() => void trash.load(), [trash]);
  return (
    <section class={styles.view} aria-label={t.value.trash}>
      <ViewHeader title={t.value.trash} />
      <div class={styles.scroll}>
        <div class={styles.page}>
          <p class={styles.about}>{t.value.trashTeaches}</p>
          <Rows trash={trash} />
        </div>
      </div>
    </section>
  );
}

function Rows({ trash }: { trash: Trash }) {
  const rows = trash.rows.value;
  const problem = trash.problem.value;
  const come = restorable(rows ?? []);
  return (
    <>
      {rows?.length === 0 && <p class={styles.about}>{t.value.trashEmpty}</p>}
      {rows === null && problem === null && <p class={styles.about}>{t.value.loadingChats}</p>}
      <ul class={styles.rows}>
        {rows?.map((row) => (
          <Row
            key={`${row.chat_id} ${row.deleted_at}`}
            row={row}
            isRestorable={come.has(row)}
            onRestored={() => trash.drop(row)}
          />
        ))}
      </ul>
      {problem !== null && (
        <p role="alert" class={styles.problem}>
          {problem instanceof Unreachable ? t.value.chatsUnreachable : problem.detail}
        </p>
      )}
      {(problem !== null || trash.hasMore.value) && (
        <Button onClick={() => void trash.load()}>{problem !== null ? t.value.tryAgain : t.value.showMore}</Button>
      )}
    </>
  );
}

function Row({ row, isRestorable, onRestored }: { row: TrashRow; isRestorable: boolean; onRestored: () => void }) {
  const { chat_id: chatId, title, deleted_at: deletedAt, message_count: count } = row;
  const [isBusy, setIsBusy] = useState(false);
  const shown = title || chatId;
  const bringBack = async () => {
    setIsBusy(true);
    try {
      await restore(chatId);
      onRestored();
      say(t.value.chatRestored(shown), {
        action: { label: t.value.openChat, run: () => go({ view: "chat", chatId, messageId: null }) },
      });
    } finally {
      setIsBusy(false);
    }
  };
  const moment = new Date(deletedAt).toLocaleString(language.value, { dateStyle: "medium", timeStyle: "short" });
  return (
    <li class={styles.row}>
      <div class={styles.chat}>
        <span class={styles.title} title={shown}>
          {shown}
        </span>
        <span class={styles.when}>
          {t.value.deletedAt(moment)} · {t.value.messageCount(count)}
        </span>
      </div>
      {isRestorable && (
        <Button
          icon={Undo2}
          disabled={isBusy}
          aria-label={t.value.restoreChat(shown)}
          onClick={() => void attempt(bringBack())}
        >
          {t.value.restore}
        </Button>
      )}
    </li>
  );
}
