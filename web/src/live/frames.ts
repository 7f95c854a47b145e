/** Work that is done with a frame, however often it is asked for, and not with each one: drawing is what costs. */

const APART_MS = 33; // 30 times a second reads like 60
const FRAME_MS = 16;
const HIDDEN_MS = 250; // a hidden tab has no frames

export class Frames {
  #work: (() => void) | null = null;
  #cancel: (() => void) | null = null;
  #doneAt = Number.NEGATIVE_INFINITY;

  /** Do `work` soon, in place of what waits for it. */
  ask(work: () => void): void {
    this.#work = work;
    if (this.#cancel !== null) return;
    let frame = 0;
    const flush = () => this.flush();
    const rest = setTimeout(
      () => {
        frame = requestAnimationFrame(flush);
      },
      this.#doneAt + APART_MS - FRAME_MS - performance.now(),
    );
    // Why both: a tab that is hidden before the frame comes gets none.
    const late = setTimeout(flush, HIDDEN_MS);
    this.#cancel = () => {
      clearTimeout(rest);
      clearTimeout(late);
      cancelAnimationFrame(frame);
    };
  }

  /** Do what waits, now. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#doneAt = performance.now();
    const work = this.#work;
    this.#work = null;
    work?.();
  }
}
