/** What comes between a call that failed and the next try of it. How long that is: waiting.ts. */

import { Refused } from "../api/client";
import { noteUnauthorized, whenOpen } from "../session/session";
import { pause, waitAfter } from "./waiting";

/**
 * Return when it is time for try number `tries` + 1: after a while, after the time that the server asked for, or when
 * who was here has logged in again. Raises: `error` itself when the same would fail again; AbortError.
 */
export async function waitOut(error: unknown, tries: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  if (error instanceof Refused && error.status === 401) {
    noteUnauthorized(error);
    await whenOpen(signal);
  } else {
    await pause(waitAfter(error, tries), signal);
  }
}
