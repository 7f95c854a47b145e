/** What the reader has open in a chat: it outlives the rows of the list, which are taken out of the page when not seen. */

import { signal } from "@preact/signals";
import type { Question } from "./live-reply";

/** A question that is being put in other words. */
export interface Editing {
  messageId: string;
  question: Question;
}

export class ViewState {
  readonly editing = signal<Editing | null>(null);
  /** The key of the item that was jumped to. */
  readonly target = signal<string | null>(null);
  /** Folds that were opened or closed by hand, by name. */
  readonly folds = signal<ReadonlyMap<string, boolean>>(new Map());

  fold(name: string, isOpen: boolean): void {
    this.folds.value = new Map(this.folds.value).set(name, isOpen);
  }
}
