/**
 * How fast the providers have answered since the page was opened, a point for each reply that has ended. Figures alone,
 * no text; kept over a reload of this tab, and shared with nobody. What is drawn of it: series.ts.
 */

import { signal } from "@preact/signals";
import { FINAL_STATES, type GenerationStats, onGeneration } from "../live/status-feed";
import { keepInTab, keptInTab } from "../session/kept";

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
const KEPT = "history";
const SAVE_MS = 1000;

/** Oldest first. */
export const points = signal<readonly Point[]>([]);

/** Gather what is heard, for the owner of the chats. Returns what ends it. */
export function gatherHistory(): () => void {
  points.value = read();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const save = () => {
    clearTimeout(timer);
    timer = undefined;
    keepInTab(KEPT, JSON.stringify(points.value));
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
    clearTimeout(timer);
    points.value = [];
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

function read(): Point[] {
  try {
    const found: unknown = JSON.parse(keptInTab(KEPT) ?? "[]");
    return Array.isArray(found) ? found.filter(isPoint) : [];
  } catch {
    return []; // not written by this version
  }
}

function isPoint(value: unknown): value is Point {
  return typeof value === "object" && value !== null && "at" in value && "provider" in value && "outcome" in value;
}
