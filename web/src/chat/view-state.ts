/** What the reader has open in a chat: it outlives the rows of the list, which are taken out of the page when not seen. */

import { signal } from "@preact/signals";
import { Draft } from "./drafts";
import type { Question } from "./live-reply";

/** A question that is being put in other words. */
export interface Editing {
  messageId: string;
  question: Question;
}

export class ViewState {
  readonly draft: Draft;
  /** Where the draft is typed. */
  readonly composer: { current: HTMLTextAreaElement | null } = { current: null };
  readonly editing = signal<Editing | null>(null);
  /** The key of the item that was jumped to. */
  readonly target = signal<string | null>(null);
  /** Folds that were opened or closed by hand, by name. */
  readonly folds = signal<ReadonlyMap<string, boolean>>(new Map());

  constructor(draftId: string) {
    this.draft = new Draft(draftId);
  }

  fold(name: string, isOpen: boolean): void {
    this.folds.value = new Map(this.folds.value).set(name, isOpen);
  }
}
