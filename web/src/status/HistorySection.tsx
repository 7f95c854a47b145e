/** The figures of the replies so far, by provider: plots, and the same as tables. */

import { useEffect, useMemo, useState } from "preact/hooks";
import { t } from "../i18n/i18n";
import styles from "./HistorySection.module.css";
import { HistoryTables } from "./HistoryTables";
import { type Point, points } from "./history";
import { Legend } from "./Legend";
import { Plot } from "./Plot";
import sections from "./StatusView.module.css";
import { countsPerMinute, figuresOverTime, providersIn } from "./series";

const MINUTE_MS = 60_000;
const MOST_MINUTES = 360;

export function HistorySection() {
  const all = points.value;
  return (
    <section class={sections.section} aria-labelledby="history-title">
      <h2 id="history-title">{t.value.historyTitle}</h2>
      {all.length === 0 ? (
        <p class={sections.empty}>{t.value.noHistory}</p>
      ) : (
        <>
          <Legend providers={providersIn(all)} />
          <Plots points={all} />
          <HistoryTables points={all} />
        </>
      )}
    </section>
  );
}

function Plots({ points }: { points: readonly Point[] }) {
  const minute = useMinute();
  const speed = useMemo(() => figuresOverTime(points, (point) => point.tokensPerSecond), [points]);
  const firstToken = useMemo(() => figuresOverTime(points, firstTokenS), [points]);
  const now = Math.max(minute * MINUTE_MS, points.at(-1)?.at ?? 0);
  const replies = useMemo(() => countsPerMinute(points, isReply, now, MOST_MINUTES), [points, now]);
  const errors = useMemo(() => countsPerMinute(points, isError, now, MOST_MINUTES), [points, now]);
  return (
    <div class={styles.plots}>
      <Plot title={t.value.plotSpeed} series={speed} />
      <Plot title={t.value.plotFirstToken} series={firstToken} />
      <Plot title={t.value.plotReplies} series={replies} isCount />
      <Plot title={t.value.plotErrors} series={errors} isCount />
    </div>
  );
}

function firstTokenS({ firstTokenMs }: Point): number | null {
  return firstTokenMs === null ? null : firstTokenMs / 1000;
}

function isReply({ outcome }: Point): boolean {
  return outcome !== "failed";
}

function isError({ outcome }: Point): boolean {
  return outcome === "failed";
}

/** The present minute since 1970. */
function useMinute(): number {
  const [minute, setMinute] = useState(() => Math.floor(Date.now() / MINUTE_MS));
  useEffect(() => {
    const timer = setInterval(() => setMinute(Math.floor(Date.now() / MINUTE_MS)), 5000);
    return () => clearInterval(timer);
  }, []);
  return minute;
}
