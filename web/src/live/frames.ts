/** Work that is done once a frame, however often it is asked for; in a hidden tab, which has no frames, four times a second. */

const HIDDEN_MS = 250;

export class Frames {
  #work: (() => void) | null = null;
  #cancel: (() => void) | null = null;

  /** Do `work` at the next frame, in place of what waits for it. */
  ask(work: () => void): void {
    this.#work = work;
    if (this.#cancel !== null) return;
    if (document.hidden) {
      const timer = setTimeout(() => this.flush(), HIDDEN_MS);
      this.#cancel = () => clearTimeout(timer);
    } else {
      const frame = requestAnimationFrame(() => this.flush());
      // Why both: a tab that is hidden before the frame comes gets none.
      const timer = setTimeout(() => this.flush(), HIDDEN_MS);
      this.#cancel = () => {
        cancelAnimationFrame(frame);
        clearTimeout(timer);
      };
    }
  }

  /** Do what waits, now. */
  flush(): void {
    this.#cancel?.();
    this.#cancel = null;
    const work = this.#work;
    this.#work = null;
    work?.();
  }
}
