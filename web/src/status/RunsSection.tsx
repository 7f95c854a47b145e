/** The runs that go on now, each with its figures, the way to its chat, and Stop. */

import { Square } from "lucide-preact";
import { useEffect, useState } from "preact/hooks";
import { answerOf, api, type Schemas } from "../api/client";
import { chats } from "../chats/list";
import { t } from "../i18n/i18n";
import { FINAL_STATES, liveRuns, onGeneration, onReturn } from "../live/status-feed";
import { figureTexts } from "../providers/figure-texts";
import { figuresOfRun } from "../providers/figures";
import { modelOf } from "../providers/models";
import { hashOf } from "../routes";
import { Button } from "../ui/Button";
import { attempt } from "../ui/toasts";
import styles from "./RunsSection.module.css";
import { runsOf, type ShownRun } from "./runs";
import sections from "./StatusView.module.css";

export function RunsSection() {
  const { listed, ended } = useListedRuns();
  const runs = runsOf(listed, liveRuns.value, ended);
  return (
    <section class={sections.section} aria-labelledby="runs-title">
      <h2 id="runs-title">{t.value.runsTitle}</h2>
      {runs.length === 0 && <p class={sections.empty}>{t.value.noRuns}</p>}
      {runs.length > 0 && (
        <ul class={styles.runs}>
          {runs.map((run) => (
            <Run key={run.runId} run={run} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Run({ run }: { run: ShownRun }) {
  const { runId, chatId, name, state, stats } = run;
  const title = titleOf(chatId);
  const figures = stats === null ? [] : figureTexts(figuresOfRun(stats, modelOf(name))).map(([, text]) => text);
  const stop = () => answerOf(api.POST("/runs/{run_id}/stop", { params: { path: { run_id: runId } } }));
  return (
    <li class={styles.run}>
      <div class={styles.what}>
        {chatId === null ? (
          <span>{title}</span>
        ) : (
          <a href={hashOf({ view: "chat", chatId, messageId: null })}>{title}</a>
        )}
        <p class={styles.facts}>
          {[name, state === "queued" ? t.value.runQueued : "", ...figures].filter(Boolean).join(" · ")}
        </p>
      </div>
      <Button icon={Square} aria-label={t.value.stopRun(title)} onClick={() => void attempt(stop())}>
        {t.value.stop}
      </Button>
    </li>
  );
}

function titleOf(chatId: string | null): string {
  if (chatId === null) return t.value.runOutsideChats;
  return chats.value?.find((chat) => chat.chatId === chatId)?.title || chatId;
}

/** What the server lists when the view opens and when the line is back, and which of these have ended since. */
function useListedRuns() {
  const [listed, setListed] = useState<readonly Schemas["RunAnswer"][]>([]);
  const [ended, setEnded] = useState<ReadonlySet<string>>(new Set());
  useEffect(() => {
    const list = async () => setListed((await answerOf(api.GET("/runs"))).runs);
    void attempt(list());
    const stopReturns = onReturn(() => void attempt(list()));
    const stopHearing = onGeneration(({ run_id, state }) => {
      if (FINAL_STATES.has(state)) setEnded((known) => new Set(known).add(run_id));
    });
    return () => {
      stopReturns();
      stopHearing();
    };
  }, []);
  return { listed, ended };
}
