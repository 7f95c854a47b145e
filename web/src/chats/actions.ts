/** What is done to chats from their rows and headers: rename, delete, bring back, export. */

import { answerOf, api, BASE_URL } from "../api/client";
import { t } from "../i18n/i18n";
import { go, route } from "../routes";
import { attempt, say } from "../ui/toasts";
import { announce } from "./changes";
import { whileHidden, whileTitled } from "./list";

export const MOST_TITLE = 200; // characters

export type ExportFormat = "md" | "json" | "txt";

/** Raises: Refused, Unreachable. */
export async function rename(chatId: string, title: string): Promise<void> {
  await whileTitled(chatId, title, async () => {
    await answerOf(api.PATCH("/chat/rename/{chat_id}", { params: { path: { chat_id: chatId } }, body: { title } }));
    announce({ change: "saved", chatId, title });
  });
}

/** Into the trash, from which `restore` brings it back. Raises: Refused, Unreachable. */
export async function remove(chatId: string): Promise<void> {
  await whileHidden(chatId, async () => {
    await answerOf(api.DELETE("/chat/delete/{chat_id}", { params: { path: { chat_id: chatId } } }));
    announce({ change: "deleted", chatId });
  });
}

/** Raises: Refused, Unreachable. */
export async function restore(chatId: string): Promise<void> {
  await answerOf(api.POST("/chat/restore/{chat_id}", { params: { path: { chat_id: chatId } }, body: {} }));
  announce({ change: "restored", chatId });
}

/** Delete the chat, leave it when it is open, and offer to undo it. */
export async function removeWithUndo(chatId: string, title: string): Promise<void> {
  await attempt(
    remove(chatId).then(() => {
      const wasOpen = isOpen(chatId);
      if (wasOpen) go({ view: "new" }, { replaces: true });
      say(t.value.chatDeleted(title || chatId), {
        action: { label: t.value.undo, run: () => void attempt(undo(chatId, wasOpen)) },
      });
    }),
  );
}

/** Where the chat can be had as a file. */
export function exportUrl(chatId: string, format: ExportFormat): string {
  return `${BASE_URL}chat/export/${encodeURIComponent(chatId)}?format=${format}`;
}

async function undo(chatId: string, wasOpen: boolean): Promise<void> {
  await restore(chatId);
  if (wasOpen) go({ view: "chat", chatId, messageId: null });
}

function isOpen(chatId: string): boolean {
  return route.value.view === "chat" && route.value.chatId === chatId;
}
