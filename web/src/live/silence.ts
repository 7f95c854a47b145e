/** Notices that a line has gone silent, by the clock on the wall: that one goes on while the machine sleeps. */

const LOOK_MS = 5000;

export class Silence {
  #heardAt = Date.now();
  #timer: ReturnType<typeof setInterval>;
  #look: () => void;

  /** `onSilent` is called once, when nothing was heard for `limitMs`. */
  constructor(limitMs: number, onSilent: () => void) {
    this.#look = () => {
      if (Date.now() - this.#heardAt < limitMs) return;
      this.end();
      onSilent();
    };
    this.#timer = setInterval(this.#look, LOOK_MS);
    // Why: the timers of a hidden tab are slow, and who comes back to it wants to see what there is.
    document.addEventListener("visibilitychange", this.#look);
  }

  heard(): void {
    this.#heardAt = Date.now();
  }

  end(): void {
    clearInterval(this.#timer);
    document.removeEventListener("visibilitychange", this.#look);
  }
}
