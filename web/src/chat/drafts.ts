/** What was typed and not sent, in each chat. */

import { effect, type Signal, signal } from "@preact/signals";
import { keep, kept } from "../session/kept";
import type { Question } from "./live-reply";

/** The draft of a chat that is not begun yet. */
export const NEW_CHAT = "";

/** Images are larger than what a browser keeps beside texts: they last as long as the page. */
const images = new Map<string, readonly string[]>();

export function draftOf(chatId: string): string {
  return kept(`draft:${chatId}`) ?? "";
}

/** Keep `text`; an empty one is none. */
export function keepDraft(chatId: string, text: string): void {
  keep(`draft:${chatId}`, text === "" ? null : text);
}

/** Somebody else uses the page from here on. */
export function forgetDrafts(): void {
  images.clear();
}

/** The draft of one chat as it is typed. What is put into it is kept. */
export class Draft {
  readonly text: Signal<string>;
  /** `data:` URLs. */
  readonly images: Signal<readonly string[]>;
  #chatId: Signal<string>;

  constructor(chatId: string) {
    this.#chatId = signal(chatId);
    this.text = signal(draftOf(chatId));
    this.images = signal(images.get(chatId) ?? []);
  }

  /** Keep what is typed. Returns what ends that. */
  watch(): () => void {
    const ends = [
      effect(() => keepDraft(this.#chatId.value, this.text.value)),
      effect(() => {
        if (this.images.value.length > 0) images.set(this.#chatId.value, this.images.value);
        else images.delete(this.#chatId.value);
      }),
    ];
    return () => {
      for (const end of ends) end();
    };
  }

  /** What is typed, null when that is nothing. The draft is empty then: a second call finds nothing to send. */
  take(): Question | null {
    const question = { text: this.text.peek().trim(), images: this.images.peek() };
    if (question.text === "" && question.images.length === 0) return null;
    this.text.value = "";
    this.images.value = [];
    return question;
  }

  /** Have the question here again, behind what is typed already. */
  put(question: Question): void {
    this.text.value = [this.text.peek(), question.text].filter((text) => text.trim() !== "").join("\n\n");
    this.images.value = [...this.images.peek(), ...question.images];
  }

  /** From here on it is the draft of another chat. */
  moveTo(chatId: string): void {
    if (chatId === this.#chatId.peek()) return;
    keepDraft(this.#chatId.peek(), "");
    images.delete(this.#chatId.peek());
    this.#chatId.value = chatId;
  }
}
