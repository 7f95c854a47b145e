/** What a conversation shows, one item under the other: made of stored messages and the live reply. */

import type { StoredMessage } from "./conversation";
import type { LiveReply, Question } from "./live-reply";
import type { Entry } from "./outbox";

/** `key` stays the same while a reply is written, stored, and continued. */
export type Item =
  | { kind: "question"; key: string; question: Question; message: StoredMessage | null; entry: Entry | null }
  | { kind: "reply"; key: string; parts: readonly StoredMessage[]; live: LiveReply | null };

type Reply = Extract<Item, { kind: "reply" }>;

/** `pending` are questions that nobody answers yet, in their order. */
export function itemsOf(
  messages: readonly StoredMessage[],
  live: LiveReply | null,
  pending: readonly Entry[],
): readonly Item[] {
  const items: Item[] = [];
  for (const [place, message] of messages.entries()) addStored(items, message, message.id ?? `place-${place}`);
  addLive(items, live);
  for (const entry of pending) {
    if (entry.kind !== "send") continue;
    const question = { text: entry.body.message ?? "", images: entry.body.images ?? [] };
    items.push({ kind: "question", key: entry.key, question, message: null, entry });
  }
  return items;
}

function addStored(items: Item[], message: StoredMessage, key: string): void {
  const last = items.at(-1);
  if (message.role === "user" && !message.continues) {
    items.push({ kind: "question", key, question: questionOf(message), message, entry: null });
  } else if (message.role === "assistant" || message.role === "tool") {
    if (last?.kind === "reply" && belongsTo(last, message)) {
      items[items.length - 1] = { ...last, parts: [...last.parts, message] };
    } else {
      items.push({ kind: "reply", key, parts: [message], live: null });
    }
  }
}

function addLive(items: Item[], live: LiveReply | null): void {
  if (live === null) return;
  const isStored = items.some((item) => item.kind === "reply" && item.parts.some((part) => part.run_id === live.runId));
  if (isStored) return; // the history was quicker
  const last = items.at(-1);
  const goesOn =
    live.continues !== null && last?.kind === "reply" && last.parts.some((part) => part.id === live.continues);
  if (goesOn) {
    items[items.length - 1] = { ...last, live };
    return;
  }
  if (live.question !== null) {
    items.push({
      kind: "question",
      key: `question-of-${live.runId}`,
      question: live.question,
      message: null,
      entry: null,
    });
  }
  items.push({ kind: "reply", key: live.messageId.value || live.runId, parts: [], live });
}

/** A continuation, the answer of a tool, and what the model says of that are one reply. */
function belongsTo(reply: Reply, message: StoredMessage): boolean {
  const last = reply.parts.at(-1);
  if (message.role === "tool" || last?.role === "tool") return true;
  return typeof message.continues === "string" && reply.parts.some((part) => part.id === message.continues);
}

/** The text and the images of a stored message. Other parts are passed over. */
export function questionOf(message: StoredMessage): Question {
  if (typeof message.content === "string") return { text: message.content, images: [] };
  const texts: string[] = [];
  const images: string[] = [];
  for (const part of message.content as readonly Record<string, unknown>[]) {
    if (part.type === "text" && typeof part.text === "string") texts.push(part.text);
    const image = part.image_url as { url?: unknown } | undefined;
    if (part.type === "image_url" && typeof image?.url === "string") images.push(image.url);
  }
  return { text: texts.join("\n"), images };
}

/** The text of a reply, its continuations joined without a seam. */
export function textOf(reply: Reply): string {
  const stored = reply.parts.filter((part) => part.role === "assistant").map((part) => questionOf(part).text);
  return stored.join("") + (reply.live?.text.value ?? "");
}
