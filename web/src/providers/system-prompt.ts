/** Changing the system prompt of a chat that is begun. That of a new one: options.ts. */

import { answerOf, api, Refused } from "../api/client";
import type { Conversation } from "../chat/conversation";
import { announce } from "../chats/changes";

type Chat = Pick<Conversation, "chatId" | "revision" | "systemPrompt" | "load">;

const MOST_TRIES = 3;

/**
 * Have the chat tell `text` from the next turn on, in place of `seen`. `changed`: another tab or device has given it
 * another prompt meanwhile, and nothing was saved. Whatever else has changed in the chat does not matter.
 * Raises: Refused, Unreachable.
 */
export async function saveSystemPrompt(chat: Chat, text: string, seen: string): Promise<"saved" | "changed"> {
  for (let tries = 1; ; tries += 1) {
    try {
      const params = { path: { chat_id: chat.chatId } };
      const body = { system_prompt: text, revision: chat.revision.value };
      await answerOf(api.PATCH("/chat/system-prompt/{chat_id}", { params, body }));
      announce({ chatId: chat.chatId, change: "saved" });
      await chat.load();
      return "saved";
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "revision_conflict" || tries === MOST_TRIES) throw error;
      await chat.load();
      if (chat.systemPrompt.value !== seen) return "changed";
    }
  }
}
