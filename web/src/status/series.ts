/** What the plots and the tables of the status page show, made of the points of history.ts. */

import type { Point } from "./history";

/** Lines over one axis of time: `values` of each provider has a place for each of `times`, null where it has none. */
export interface Series {
  /** Seconds since 1970, rising. */
  times: readonly number[];
  values: ReadonlyMap<string, readonly (number | null)[]>;
}

export interface ProviderSummary {
  provider: string;
  replies: number;
  errors: number;
  tokensPerSecond: number | null;
  firstTokenMs: number | null;
}

const MINUTE_MS = 60_000;

/** The providers in the order in which they were first heard of. */
export function providersIn(points: readonly Point[]): string[] {
  return [...new Set(points.map(({ provider }) => provider))];
}

/** `figure` of each point that has one, at its time. */
export function figuresOverTime(points: readonly Point[], figure: (point: Point) => number | null): Series {
  const shown = points.filter((point) => figure(point) !== null).sort((one, other) => one.at - other.at);
  const values = providersIn(points).map((provider): [string, (number | null)[]] => [
    provider,
    shown.map((point) => (point.provider === provider ? figure(point) : null)),
  ]);
  return { times: shown.map(({ at }) => at / 1000), values: new Map(values) };
}

/** How many points `isCounted` takes, in each minute from the first one to that of `now`. */
export function countsPerMinute(
  points: readonly Point[],
  isCounted: (point: Point) => boolean,
  now: number,
  mostMinutes: number,
): Series {
  const last = Math.floor(now / MINUTE_MS);
  const first = Math.max(Math.floor((points[0]?.at ?? now) / MINUTE_MS), last - mostMinutes + 1);
  const counts = new Map(providersIn(points).map((provider) => [provider, Array<number>(last - first + 1).fill(0)]));
  for (const point of points) {
    const place = Math.floor(point.at / MINUTE_MS) - first;
    const row = counts.get(point.provider);
    if (isCounted(point) && row?.[place] !== undefined) row[place] += 1;
  }
  const times = Array.from({ length: last - first + 1 }, (_, place) => ((first + place) * MINUTE_MS) / 1000);
  return { times, values: counts };
}

export function summaryOf(points: readonly Point[]): ProviderSummary[] {
  return providersIn(points).map((provider) => {
    const own = points.filter((point) => point.provider === provider);
    const errors = own.filter(({ outcome }) => outcome === "failed").length;
    return {
      provider,
      replies: own.length - errors,
      errors,
      tokensPerSecond: medianOf(own.map((point) => point.tokensPerSecond)),
      firstTokenMs: medianOf(own.map((point) => point.firstTokenMs)),
    };
  });
}

/** Of those that are known; null without any. */
export function medianOf(figures: readonly (number | null)[]): number | null {
  const known = figures.filter((figure) => figure !== null).sort((one, other) => one - other);
  const upper = known[Math.floor(known.length / 2)];
  const lower = known[Math.floor((known.length - 1) / 2)];
  return upper === undefined || lower === undefined ? null : (lower + upper) / 2;
}
