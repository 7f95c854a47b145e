/**
 * How fast the providers have answered since the page was opened, a point for each reply that has ended. Figures alone,
 * no text; kept over a reload of this tab, and shared with nobody. What is drawn of it: series.ts.
 */

import { signal } from "@preact/signals";
import { FINAL_STATES, type GenerationStats, onGeneration } from "../live/status-feed";

export interface Point {
  /** Milliseconds since 1970, when it was heard. */
  at: number;
  provider: string;
  /** Null: it gave no token. */
  tokensPerSecond: number | null;
  firstTokenMs: number | null;
  outcome: "replied" | "stopped" | "failed";
}

const MOST_POINTS = 2000;
const SAVE_MS = 1000;

/** Oldest first. */
export const points = signal<readonly Point[]>([]);

/** Gather what is heard, for that owner of chats. Returns what ends it. */
export function gatherHistory(owner: string): () => void {
  const name = `chatkeep:${owner}:history`;
  points.value = read(name);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    write(name, points.value);
  };
  const stopHearing = onGeneration((stats) => {
    if (!FINAL_STATES.has(stats.state)) return;
    points.value = [...points.value, pointOf(stats, Date.now())].slice(-MOST_POINTS);
    timer ??= setTimeout(save, SAVE_MS);
  });
  addEventListener("pagehide", save);
  return () => {
    removeEventListener("pagehide", save);
    stopHearing();
    save();
  };
}

/** What a run says at its end. */
export function pointOf(stats: GenerationStats, at: number): Point {
  return {
    at,
    provider: stats.provider,
    tokensPerSecond: stats.tokens_per_second,
    firstTokenMs: stats.time_to_first_token_ms,
    outcome: OUTCOMES[stats.state] ?? "failed",
  };
}

const OUTCOMES: Partial<Record<GenerationStats["state"], Point["outcome"]>> = {
  completed: "replied",
  stopped: "stopped",
};

function read(name: string): Point[] {
  try {
    const found: unknown = JSON.parse(sessionStorage.getItem(name) ?? "[]");
    return Array.isArray(found) ? found.filter(isPoint) : [];
  } catch {
    return []; // storage is switched off, or was not written by this version
  }
}

function write(name: string, all: readonly Point[]): void {
  try {
    sessionStorage.setItem(name, JSON.stringify(all));
  } catch {
    // The quota is used up, or storage is switched off: a reload begins anew.
  }
}

function isPoint(value: unknown): value is Point {
  return typeof value === "object" && value !== null && "at" in value && "provider" in value && "outcome" in value;
}
