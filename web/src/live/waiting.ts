/** Waiting before something is tried again: longer each time, and cut short when the network, the server or the tab is back. */

import { Refused, Unreachable } from "../api/client";

const FIRST_MS = 500;
const LONGEST_MS = 10_000;

/** How long to wait before try number `tries`, from 1. `random` is from 0 up to 1: tabs must not come back all at once. */
export function waitMs(tries: number, random: number): number {
  return Math.min(LONGEST_MS, FIRST_MS * 2 ** (tries - 1)) * (0.75 + random / 2);
}

/**
 * How long to wait after try number `tries` failed with `error`: as long as the server asks for, when it does.
 * Raises: `error` itself when the same would fail again.
 */
export function waitAfter(error: unknown, tries: number): number {
  if (error instanceof Refused && error.isPassing) return error.retryAfterMs ?? waitMs(tries, Math.random());
  if (error instanceof Unreachable) return waitMs(tries, Math.random());
  throw error;
}

const waiting = new Set<() => void>();

/** The server is heard again: nobody needs to wait for it. */
export function endPauses(): void {
  for (const end of [...waiting]) end();
}

/** Resolves after `ms`, or at once when there is news: endPauses, the browser is online, the tab is shown. Raises: AbortError. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onShown = () => {
      if (!document.hidden) end(resolve);
    };
    const onNews = () => end(resolve);
    const onAbort = () => end(() => reject(signal.reason));
    const timer = setTimeout(() => end(resolve), ms);
    function end(settle: () => void) {
      clearTimeout(timer);
      waiting.delete(onNews);
      removeEventListener("online", onNews);
      document.removeEventListener("visibilitychange", onShown);
      signal.removeEventListener("abort", onAbort);
      settle();
    }
    waiting.add(onNews);
    addEventListener("online", onNews);
    document.addEventListener("visibilitychange", onShown);
    signal.addEventListener("abort", onAbort);
  });
}
