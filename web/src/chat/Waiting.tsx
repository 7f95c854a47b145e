/** What a reply says of itself before its first words, and while the line to it is down. */

import { WifiOff } from "lucide-preact";
import { useEffect, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import { liveRuns } from "../live/status-feed";
import type { LiveReply } from "./live-reply";
import { Notice } from "./Notice";
import styles from "./Waiting.module.css";

const SHORT_S = 2; // nobody counts these
const DOWN_MS = 1500; // a line that is back by then was hardly gone

/** A quiet sign with the time. */
export function Waiting({ text, runId }: { text: string; runId: string | null }) {
  const [since] = useState(() => Date.now());
  const now = useNow(1000);
  const run = runId === null ? undefined : liveRuns.value.get(runId);
  const seconds = Math.floor(Math.max(now - since, run?.elapsed_ms ?? 0) / 1000);
  return (
    <p class={styles.waiting}>
      <span class={styles.dots} aria-hidden="true">
        <span />
        <span />
        <span />
      </span>
      {text}
      {seconds >= SHORT_S && <span class={styles.time}>{t.value.waitingSince(seconds)}</span>}
    </p>
  );
}

/** How it stands with the reply that is being written, where that is not seen by its text. */
export function LiveState({ live }: { live: LiveReply }) {
  const state = live.state.value;
  if (state === "ended") return null;
  const retry = live.retry.value;
  const isSilent = live.text.value === "" && live.reasoning.value === "";
  return (
    <>
      {isSilent && retry === null && state !== "stopping" && <Waiting text={t.value.waiting} runId={live.runId} />}
      {retry !== null && (
        <Waiting
          key={`${retry.provider}:${retry.delayS}`}
          text={t.value.retrying(retry.provider, live.provider.value, Math.round(retry.delayS))}
          runId={null}
        />
      )}
      {state === "stopping" && <Waiting text={t.value.stopping} runId={null} />}
      {live.line.value === "waiting" && state !== "queued" && <LineDown />}
    </>
  );
}

function LineDown() {
  const [since] = useState(() => Date.now());
  const now = useNow(DOWN_MS);
  if (now - since < DOWN_MS) return null;
  return <Notice tone="plain" icon={WifiOff} text={t.value.lineDown} />;
}

/** The time, anew each `everyMs`. */
function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
