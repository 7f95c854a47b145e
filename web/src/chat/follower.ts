/**
 * Follows the run of a live reply while somebody looks. A tab that is hidden for a while lets go: browsers have six
 * connections to one server for all of their tabs (HTTP/1.1).
 */

import { followRun, type Line } from "../live/run-events";
import type { LiveReply } from "./live-reply";

const HIDDEN_MS = 30_000;

export class Follower {
  #attempt: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOver = false;

  /** `onEnd` is called once: all events were seen, or there are none to see. */
  constructor(
    readonly live: LiveReply,
    readonly onEnd: () => void,
  ) {
    document.addEventListener("visibilitychange", this.#onVisibility);
    this.#follow();
    this.#onVisibility();
  }

  /** The run has ended: who let go of it takes the rest. */
  catchUp(): void {
    if (!this.#isOver && this.#attempt === null) this.#follow();
  }

  /** Let go, without an end. */
  close(): void {
    this.#isOver = true;
    this.#attempt?.abort();
    clearTimeout(this.#timer);
    document.removeEventListener("visibilitychange", this.#onVisibility);
  }

  #onVisibility = (): void => {
    clearTimeout(this.#timer);
    if (document.hidden) {
      this.#timer = setTimeout(() => {
        this.#attempt?.abort();
        this.#attempt = null;
      }, HIDDEN_MS);
    } else if (this.#attempt === null) {
      this.#follow();
    }
  };

  #follow(): void {
    const { live } = this;
    const attempt = new AbortController();
    this.#attempt = attempt;
    const onLine = (line: Line) => {
      live.line.value = line;
    };
    followRun(live.runId, live.lastEventId, (events) => live.take(events), onLine, attempt.signal).then(
      () => this.#end(attempt),
      () => this.#end(attempt), // its events are gone: the history has what there is
    );
  }

  #end(attempt: AbortController): void {
    if (this.#isOver || attempt.signal.aborted) return;
    this.close();
    this.live.state.value = "ended";
    this.onEnd();
  }
}
