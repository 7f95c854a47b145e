/** Does work soon after it is asked for, however often that is: never twice at once, and few times in a while. */

import { waitAfter } from "../live/waiting";

const SOON_MS = 80; // what is asked for together is done together
const MOST = 3; // times
const WINDOW_MS = 9000;

export class Paced {
  #times: number[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isWanted = false;
  #isGoing = false;
  #tries = 0;
  #closed = new AbortController();

  /** `work` that fails for a while is tried again; `onFailure` is told of each failure. */
  constructor(
    private readonly work: () => Promise<void>,
    private readonly onFailure: (error: unknown) => void,
  ) {
    document.addEventListener("visibilitychange", () => this.#plan(), { signal: this.#closed.signal });
  }

  /** Have it done. In a tab that nobody sees it waits until the tab is shown. */
  ask(): void {
    this.#isWanted = true;
    this.#plan();
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#closed.abort();
  }

  #plan(waitedMs = 0): void {
    if (!this.#isWanted || this.#isGoing || this.#timer !== undefined || document.hidden) return;
    const [first = Number.NEGATIVE_INFINITY] = this.#times.slice(-MOST);
    const restMs = this.#times.length < MOST ? 0 : first + WINDOW_MS - Date.now();
    this.#timer = setTimeout(() => void this.#go(), Math.max(SOON_MS, restMs, waitedMs));
  }

  async #go(): Promise<void> {
    this.#timer = undefined;
    this.#isWanted = false;
    this.#isGoing = true;
    this.#times = [...this.#times.slice(1 - MOST), Date.now()];
    let waitedMs = 0;
    try {
      await this.work();
      this.#tries = 0;
    } catch (error) {
      waitedMs = this.#waitAfter(error);
    }
    this.#isGoing = false;
    if (!this.#closed.signal.aborted) this.#plan(waitedMs);
  }

  #waitAfter(error: unknown): number {
    this.onFailure(error);
    try {
      this.#tries += 1;
      const waitedMs = waitAfter(error, this.#tries);
      this.#isWanted = true;
      return waitedMs;
    } catch {
      return 0; // the same would fail again
    }
  }
}
