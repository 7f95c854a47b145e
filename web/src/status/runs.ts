/** The caller's runs that go on now: what the server lists at first, then what the feed tells of each. */

import type { Schemas } from "../api/client";
import { FINAL_STATES, type GenerationStats } from "../live/status-feed";

export interface ShownRun {
  runId: string;
  /** Null: a run outside any chat. */
  chatId: string | null;
  name: string;
  state: "queued" | "running";
  /** Null: the feed has told nothing yet. */
  stats: GenerationStats | null;
}

/** `listed` are the server's, `live` the feed's; `ended` are those that have ended since they were listed. */
export function runsOf(
  listed: readonly Schemas["RunAnswer"][],
  live: ReadonlyMap<string, GenerationStats>,
  ended: ReadonlySet<string>,
): ShownRun[] {
  const fromList = listed
    .filter((run) => !live.has(run.run_id) && !ended.has(run.run_id) && !FINAL_STATES.has(run.state))
    .map((run) => ({
      runId: run.run_id,
      chatId: run.chat_id || null,
      name: nameOf(run.provider, run.model),
      state: stateOf(run.state),
      stats: null,
    }));
  const fromFeed = [...live.values()].map((stats) => ({
    runId: stats.run_id,
    chatId: stats.chat_id ?? null,
    name: nameOf(stats.provider, stats.model),
    state: stateOf(stats.state),
    stats,
  }));
  return [...fromFeed, ...fromList];
}

function stateOf(state: string): ShownRun["state"] {
  return state === "queued" ? "queued" : "running";
}

function nameOf(provider: string, model: string): string {
  return [provider, model].filter(Boolean).join("/");
}
