/** The figures of one reply, while it is written and afterwards. How numbers are written: formats.ts. */

import type { Schemas } from "../api/client";
import type { LiveReply } from "../chat/live-reply";
import type { GenerationStats } from "../live/status-feed";
import type { OfferedModel } from "./models";

/** Null is not known. */
export interface Figures {
  /** Of the reply. */
  tokens: number | null;
  /** We counted, not the provider. */
  isEstimated: boolean;
  tokensPerSecond: number | null;
  firstTokenMs: number | null;
  elapsedMs: number | null;
  costUsd: number | null;
}

const PER_MTOK = 1_000_000;

/** Of a run that goes on. Without a cost of the server's it is that of the reply alone: the prompt is counted at the end. */
export function figuresOfRun(stats: GenerationStats, model: OfferedModel | null): Figures {
  return {
    tokens: stats.tokens,
    isEstimated: stats.estimated,
    tokensPerSecond: stats.tokens_per_second,
    firstTokenMs: stats.time_to_first_token_ms,
    elapsedMs: stats.elapsed_ms,
    costUsd: stats.cost_usd ?? costOf(stats.tokens, model?.output_usd_per_mtok ?? null),
  };
}

/** Of a reply that has ended. */
export function figuresOfReply(usage: Schemas["Usage"] | null, stats: Schemas["Stats"] | null): Figures {
  return {
    tokens: usage?.completion_tokens ?? null,
    isEstimated: usage?.estimated ?? false,
    tokensPerSecond: stats?.tokens_per_second ?? null,
    firstTokenMs: stats?.time_to_first_token_ms ?? null,
    elapsedMs: stats?.elapsed_ms || null, // 0 of a reply that ended with its server: nobody measured it
    costUsd: stats?.cost_usd ?? null,
  };
}

/** What a reply that has just ended says of itself, before the history has it. */
export function endOf(live: LiveReply): { usage: Schemas["Usage"]; stats: Schemas["Stats"] } | null {
  const ending = live.ending.value;
  return ending?.type === "done" ? ending.done : null;
}

function costOf(tokens: number, usdPerMtok: number | null): number | null {
  return usdPerMtok === null ? null : (tokens * usdPerMtok) / PER_MTOK;
}
