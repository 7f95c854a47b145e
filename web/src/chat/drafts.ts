/** What was typed and not sent, a text a chat. */

import { keep, kept } from "../session/kept";

/** The draft of a chat that is not begun yet. */
export const NEW_CHAT = "";

export function draftOf(chatId: string): string {
  return kept(`draft:${chatId}`) ?? "";
}

/** Keep `text`; an empty one is none. */
export function keepDraft(chatId: string, text: string): void {
  keep(`draft:${chatId}`, text === "" ? null : text);
}
