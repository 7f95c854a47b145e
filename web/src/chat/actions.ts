/** What is asked of a conversation from its messages, with the options that are chosen in the chat. */

import { answerOf, api } from "../api/client";
import { announce } from "../chats/changes";
import { t } from "../i18n/i18n";
import { askedWith, giveBackSystemPrompt, takeNewSystemPrompt } from "../providers/options";
import { go } from "../routes";
import { uuid } from "../session/random";
import { say } from "../ui/toasts";
import type { Conversation } from "./conversation";
import type { Question } from "./live-reply";
import { type Entry, remove } from "./outbox";

/** Send; the first message of a chat gives the page its address. */
export function send(conversation: Conversation, question: Question): void {
  const isFirst = conversation.state.value === "new" && conversation.asked.value.length === 0;
  conversation.send(question, { ...askedWith(conversation.chatId), ...(isFirst ? takeNewSystemPrompt() : {}) });
  if (isFirst) go({ view: "chat", chatId: conversation.chatId, messageId: null }, { replaces: true });
}

/** Ask no more what did not arrive; the system prompt that was to begin the chat with it is there for the next one. */
export function takeBack(entry: Entry): void {
  remove(entry.key);
  if (entry.kind === "send" && entry.body.system_prompt) giveBackSystemPrompt(entry.body.system_prompt);
}

export function edit(conversation: Conversation, messageId: string, question: Question): boolean {
  return conversation.edit(messageId, question, askedWith(conversation.chatId)) !== null;
}

export function regenerate(conversation: Conversation, messageId: string): void {
  conversation.regenerate(messageId, askedWith(conversation.chatId));
}

export function continueReply(conversation: Conversation, messageId: string): void {
  conversation.continueReply(messageId, askedWith(conversation.chatId));
}

/** Begin a new chat with all up to and with the message, and go there. Raises: Refused, Unreachable. */
export async function forkFrom(chatId: string, messageId: string): Promise<void> {
  const params = { path: { chat_id: chatId }, header: { "Idempotency-Key": uuid() } };
  const forked = await answerOf(api.POST("/chat/fork/{chat_id}", { params, body: { message_id: messageId } }));
  announce({ chatId: forked.chat_id, change: "saved" });
  go({ view: "chat", chatId: forked.chat_id, messageId: null });
  say(t.value.forked);
}
