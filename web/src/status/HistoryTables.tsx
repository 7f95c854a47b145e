/** The figures of the plots as tables: for who cannot see them, and for who wants the numbers. */

import { useState } from "preact/hooks";
import { language, t } from "../i18n/i18n";
import { durationText, rateText, timeText } from "../providers/formats";
import styles from "./HistoryTables.module.css";
import type { Point } from "./history";
import { summaryOf } from "./series";

export function HistoryTables({ points }: { points: readonly Point[] }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details class={styles.tables} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{t.value.asTable}</summary>
      {isOpen && (
        <>
          <Summary points={points} />
          <Replies points={points} />
        </>
      )}
    </details>
  );
}

function Summary({ points }: { points: readonly Point[] }) {
  const s = t.value;
  return (
    <div class={styles.scrolled}>
      <table>
        <caption>{s.summaryTable}</caption>
        <Head
          names={[s.columnProvider, s.columnReplies, s.columnErrors, s.columnSpeedMedian, s.columnFirstTokenMedian]}
        />
        <tbody>
          {summaryOf(points).map(({ provider, replies, errors, tokensPerSecond, firstTokenMs }) => (
            <tr key={provider}>
              <th scope="row">{provider}</th>
              <td>{replies}</td>
              <td>{errors}</td>
              <td>{speedText(tokensPerSecond)}</td>
              <td>{firstTokenText(firstTokenMs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Replies({ points }: { points: readonly Point[] }) {
  const s = t.value;
  return (
    <div class={styles.scrolled}>
      <table>
        <caption>{s.repliesTable}</caption>
        <Head names={[s.columnTime, s.columnProvider, s.columnSpeed, s.columnFirstToken, s.columnOutcome]} />
        <tbody>
          {points.toReversed().map(({ at, provider, tokensPerSecond, firstTokenMs, outcome }, place) => (
            <tr key={points.length - place}>
              <td>{timeText(new Date(at), language.value)}</td>
              <td>{provider}</td>
              <td>{speedText(tokensPerSecond)}</td>
              <td>{firstTokenText(firstTokenMs)}</td>
              <td>{s.outcome[outcome]}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Head({ names }: { names: readonly string[] }) {
  return (
    <thead>
      <tr>
        {names.map((name) => (
          <th key={name} scope="col">
            {name}
          </th>
        ))}
      </tr>
    </thead>
  );
}

function speedText(tokensPerSecond: number | null): string {
  return tokensPerSecond === null ? "–" : rateText(tokensPerSecond, language.value);
}

function firstTokenText(ms: number | null): string {
  return ms === null ? "–" : durationText(ms, language.value);
}
