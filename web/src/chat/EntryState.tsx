/** How it stands with what was asked and is not in the chat yet. */

import { Clock, RotateCcw, TriangleAlert, X } from "lucide-preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { Button } from "../ui/Button";
import { takeBack } from "./actions";
import styles from "./EntryState.module.css";
import { Notice } from "./Notice";
import { askAgain, type Entry } from "./outbox";
import { problemText } from "./problems";

const SLOW_MS = 3000; // what is sent by then needs no words

export interface EntryStateProps {
  entry: Entry;
  /** Take the question back into a field where it is typed; null when it is none. */
  onRevise: (() => void) | null;
}

export function EntryState({ entry, onRevise }: EntryStateProps) {
  if (entry.state === "refused") return <RefusedState entry={entry} onRevise={onRevise} />;
  if (entry.state === "accepted") {
    return (
      <p class={styles.state}>
        <Clock size={14} aria-hidden="true" />
        {t.value.queued}
      </p>
    );
  }
  return <SendingState entry={entry} />;
}

function SendingState({ entry }: { entry: Entry }) {
  const isSlow = useIsOlder(entry.createdAt, SLOW_MS);
  return (
    <p class={styles.state}>
      {isSlow ? t.value.notSent : t.value.sending}
      {isSlow && (
        <Button icon={X} onClick={() => takeBack(entry)}>
          {t.value.giveUp}
        </Button>
      )}
    </p>
  );
}

function RefusedState({ entry, onRevise }: EntryStateProps) {
  const { code, detail } = entry.problem ?? { code: "", detail: "" };
  return (
    <Notice
      tone="danger"
      icon={TriangleAlert}
      text={`${t.value.refused}. ${problemText(code, t.value)}`}
      detail={detail}
    >
      <Button icon={RotateCcw} onClick={() => askAgain(entry)}>
        {t.value.tryAgain}
      </Button>
      {onRevise && <Button onClick={onRevise}>{t.value.toDraft}</Button>}
      <Button onClick={() => takeBack(entry)}>{t.value.discardQuestion}</Button>
    </Notice>
  );
}

function useIsOlder(since: number, ageMs: number): boolean {
  const [isOlder, setOlder] = useState(() => Date.now() - since >= ageMs);
  useEffect(() => {
    if (isOlder) return;
    const timer = setTimeout(() => setOlder(true), Math.max(0, since + ageMs - Date.now()));
    return () => clearTimeout(timer);
  }, [isOlder, since, ageMs]);
  return isOlder;
}
