/** Waiting in a test: for as long as a busy machine takes, not for vitest's second. */

import { vi } from "vitest";

const LONGEST_MS = 30_000;

/** Wait until what `look` returns is true, and return it. */
export function until<T>(look: () => T | Promise<T>) {
  return vi.waitUntil(look, { timeout: LONGEST_MS });
}

/** Wait until `check` does not throw. */
export function untilHolds(check: () => void) {
  return vi.waitFor(check, { timeout: LONGEST_MS });
}
