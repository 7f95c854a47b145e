/** Messages and entries as the server and the outbox have them. */

import type { StoredMessage } from "../../src/chat/conversation";
import { LiveReply, type Question } from "../../src/chat/live-reply";
import type { Entry } from "../../src/chat/outbox";

export function question(id: string, content: StoredMessage["content"] = `question ${id}`): StoredMessage {
  return { role: "user", content, id };
}

export function toolResult(id: string, content: string, callId?: string): StoredMessage {
  return { role: "tool", content, id, ...(callId === undefined ? {} : { tool_call_id: callId }) };
}

export function reply(id: string, more: Partial<StoredMessage> = {}): StoredMessage {
  return { role: "assistant", content: `reply ${id}`, id, run_id: `run-${id}`, status: "complete", ...more };
}

export function liveReply(runId: string, asked: Question | null, continues: string | null = null): LiveReply {
  const soFar = { messageId: "", text: "", reasoning: "", toolCalls: [], lastEventId: -1 };
  return new LiveReply(runId, asked, continues, soFar);
}

/** A reply that no run made. */
export function imported(id: string): StoredMessage {
  return { role: "assistant", content: `reply ${id}`, id };
}

type Fields = Partial<Pick<Entry, "key" | "state" | "runId" | "problem">>;
type AskedKind<K extends Entry["kind"]> = Extract<Entry, { kind: K }>;

export function entry<K extends Entry["kind"]>(kind: K, body: AskedKind<K>["body"], fields: Fields = {}): AskedKind<K> {
  const rest = { key: "entry", chatId: "chat", createdAt: 0, state: "waiting", runId: null, problem: null, ...fields };
  return { kind, body, ...rest } as AskedKind<K>;
}
