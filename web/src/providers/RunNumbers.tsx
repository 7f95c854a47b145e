/** The figures of one reply: those that change while it is written, and what it came to, folded. */

import { useComputed } from "@preact/signals";
import { ChevronRight } from "lucide-preact";
import { useRef } from "preact/hooks";
import type { Schemas } from "../api/client";
import type { StoredMessage } from "../chat/conversation";
import type { LiveReply } from "../chat/live-reply";
import { language, t } from "../i18n/i18n";
import { type GenerationStats, liveRuns } from "../live/status-feed";
import { figureTexts } from "./figure-texts";
import { endOf, type Figures, figuresOfReply, figuresOfRun } from "./figures";
import { costText, countText, durationText, rateText } from "./formats";
import { modelOf } from "./models";
import styles from "./RunNumbers.module.css";

export interface RunNumbersProps {
  message: StoredMessage | null;
  live: LiveReply | null;
}

/** Of `live` while there is one, else of `message`. */
export function RunNumbers({ message, live }: RunNumbersProps) {
  if (live !== null) return <LiveNumbers key={live.runId} live={live} />;
  return message === null ? null : <StoredNumbers message={message} />;
}

function LiveNumbers({ live }: { live: LiveReply }) {
  const run = useComputed(() => liveRuns.value.get(live.runId) ?? null);
  // Why: between the last figures of the feed and the end of the reply, or while the line is down, there are none.
  const last = useRef<GenerationStats | null>(null);
  last.current = run.value ?? last.current;
  const end = endOf(live);
  if (end !== null) return <Line figures={figuresOfReply(end.usage, end.stats)} />;
  if (last.current === null || last.current.state === "queued") return null;
  const { provider, model } = last.current;
  return <Line figures={figuresOfRun(last.current, modelOf(`${provider}/${model}`))} />;
}

function StoredNumbers({ message }: { message: StoredMessage }) {
  const { usage = null, stats = null } = message;
  if (usage === null && stats === null) return null;
  const figures = figuresOfReply(usage, stats);
  if (figureTexts(figures).length === 0) return null;
  return (
    <details class={styles.folded}>
      <summary class={styles.summary}>
        <ChevronRight size={14} aria-hidden="true" />
        <Line figures={figures} />
      </summary>
      <dl class={styles.details}>
        {detailsOf(message, figures).map(([name, text]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      {stats?.failed && <FailedCalls calls={stats.failed} />}
    </details>
  );
}

/** Never announced: it changes twice a second. */
function Line({ figures }: { figures: Figures }) {
  return (
    <span class={styles.line} aria-live="off">
      {figureTexts(figures).map(([name, text]) => (
        <span key={name}>{text}</span>
      ))}
    </span>
  );
}

function FailedCalls({ calls }: { calls: readonly Schemas["FailedCall"][] }) {
  return (
    <div class={styles.failed}>
      <p>{t.value.detailFailed}</p>
      <ul>
        {calls.map(({ provider, model, detail, elapsed_ms }, place) => (
          <li key={place}>
            {t.value.failedCall(`${provider}/${model}`, durationText(elapsed_ms, language.value), detail)}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** What there is to say of a stored reply: names and texts. */
function detailsOf(message: StoredMessage, figures: Figures): [string, string][] {
  const speaks = language.value;
  const s = t.value;
  const { usage, provider, model, finish_reason: finish } = message;
  const count = (tokens: number | null | undefined) =>
    tokens === null || tokens === undefined ? null : s.tokensOf(countText(tokens, speaks));
  const reply = count(usage?.completion_tokens);
  const rows: [string, string | null | undefined][] = [
    [s.detailModel, provider && model ? `${provider}/${model}` : null],
    [s.detailPrompt, count(usage?.prompt_tokens)],
    [s.detailCached, count(usage?.cached_tokens)],
    [s.detailReply, reply !== null && figures.isEstimated ? `${reply} (${s.estimated})` : reply],
    [s.detailReasoning, count(usage?.reasoning_tokens)],
    [
      s.detailSpeed,
      figures.tokensPerSecond === null ? null : s.tokensPerSecondOf(rateText(figures.tokensPerSecond, speaks)),
    ],
    [s.detailFirstToken, figures.firstTokenMs === null ? null : durationText(figures.firstTokenMs, speaks)],
    [s.detailElapsed, figures.elapsedMs === null ? null : durationText(figures.elapsedMs, speaks)],
    [s.detailCost, figures.costUsd === null ? null : costText(figures.costUsd, speaks)],
    [s.detailFinish, finish],
  ];
  return rows.filter((row): row is [string, string] => Boolean(row[1]));
}
