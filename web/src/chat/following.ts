/** Whether the reader stays with the end of a list that grows, told from how it scrolls. */

/** Lengths in pixels: what is above the view, all there is, and the view itself. */
export interface Scroll {
  offset: number;
  size: number;
  viewport: number;
}

const NEAR_PX = 48;

export class Following {
  /** Whether the view is to be kept at the end. */
  isOn = true;
  #last: Scroll | null = null;

  /**
   * The list has scrolled. Who scrolls up leaves the end, who comes down to it stays there. A view that moved up
   * because there is less to show, or more room for it, was moved by nobody.
   */
  onScroll(now: Scroll): void {
    const last = this.#last;
    this.#last = now;
    if (last === null) return;
    if (now.offset > last.offset) {
      if (distanceToEnd(now) <= NEAR_PX) this.isOn = true;
    } else if (now.offset < last.offset && now.size >= last.size && now.viewport <= last.viewport) {
      this.isOn = false;
    }
  }

  /** The reader begins to scroll up, by wheel, finger or key: what is written now must not pull the view back. */
  onPull(now: Scroll): void {
    if (now.size > now.viewport) this.isOn = false;
  }
}

/** How much is below the view. */
export function distanceToEnd({ offset, size, viewport }: Scroll): number {
  return Math.max(0, size - viewport - offset);
}

export function isNearEnd(scroll: Scroll): boolean {
  return distanceToEnd(scroll) <= NEAR_PX;
}
