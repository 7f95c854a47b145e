/** What a conversation shows, one item under the other: made of stored messages, the live reply and what was asked. */

import type { Schemas } from "../api/client";
import type { StoredMessage } from "./conversation";
import type { LiveReply, Question } from "./live-reply";
import type { Entry } from "./outbox";

/**
 * `key` stays the same while something is asked, written, stored and continued. `entry` is what the outbox has for the
 * item: the question itself, or a reply that was asked for.
 */
export type Item =
  | { kind: "question"; key: string; question: Question; message: StoredMessage | null; entry: Entry | null }
  | { kind: "reply"; key: string; parts: readonly StoredMessage[]; live: LiveReply | null; entry: Entry | null };

export type QuestionItem = Extract<Item, { kind: "question" }>;
export type ReplyItem = Extract<Item, { kind: "reply" }>;

/** What a reply says before and after each call of tools. Continuations belong to the segment that they go on with. */
export interface Segment {
  key: string;
  text: string;
  reasoning: string;
  calls: readonly ToolUse[];
  /** What of it is being written now. */
  live: LiveReply | null;
}

/** A call of a function, and what it gave; null while that is not known. */
export interface ToolUse {
  id: string;
  name: string;
  arguments: string;
  result: string | null;
}

/** The names of items. Ids change on the way from the outbox to the disk; what is shown is to stay where it is. */
export class ItemKeys {
  readonly #ofRuns = new Map<string, string>();
  readonly #ofQuestions = new Map<string, string>();
  readonly #live = new Set<string>();

  /** The name of a run: its entry's, when it was asked for here. */
  ofRun(runId: string): string {
    return this.#ofRuns.get(runId) ?? runId;
  }

  ofEntry(entry: Entry): string {
    if (entry.runId === null) return entry.key;
    if (!this.#ofRuns.has(entry.runId)) this.#ofRuns.set(entry.runId, entry.key);
    return this.ofRun(entry.runId);
  }

  /** The name of the run that answered a stored question first, if that was seen live. */
  ofQuestion(messageId: string, answeredBy: string | null): string {
    const known = this.#ofQuestions.get(messageId);
    if (known !== undefined) return known;
    const isSeen = answeredBy !== null && this.#live.has(answeredBy);
    const name = isSeen ? this.ofRun(answeredBy) : messageId;
    this.#ofQuestions.set(messageId, name);
    return name;
  }

  /** Note that the question of this run is shown under the run's name. */
  noteLive(runId: string): void {
    this.#live.add(runId);
  }
}

/** `asked` is what the outbox has for this chat, oldest first. */
export function itemsOf(
  messages: readonly StoredMessage[],
  live: LiveReply | null,
  asked: readonly Entry[],
  keys: ItemKeys,
): readonly Item[] {
  for (const entry of asked) keys.ofEntry(entry);
  const items = storedItems(messages, keys);
  for (const entry of asked) if (entry.kind !== "send") addRewriting(items, entry, live, keys);
  addLive(items, live, keys);
  for (const entry of asked) {
    if (entry.kind !== "send" || entry.runId === (live?.runId ?? "")) continue;
    items.push(questionIn(entry, keys));
  }
  return items;
}

function storedItems(messages: readonly StoredMessage[], keys: ItemKeys): Item[] {
  const items: Item[] = [];
  for (const [place, message] of messages.entries()) {
    const id = message.id ?? `place-${place}`;
    if (message.role === "user" && !message.continues) {
      const next = messages[place + 1];
      const answeredBy = next?.role === "assistant" ? (next.run_id ?? null) : null;
      const key = `question:${keys.ofQuestion(id, answeredBy)}`;
      items.push({ kind: "question", key, question: questionOf(message), message, entry: null });
    } else if (message.role === "assistant" || message.role === "tool") {
      addPart(items, message, message.run_id ? keys.ofRun(message.run_id) : id);
    }
  }
  return items;
}

function addPart(items: Item[], message: StoredMessage, name: string): void {
  const last = items.at(-1);
  if (last?.kind === "reply" && belongsTo(last, message)) {
    items[items.length - 1] = { ...last, parts: [...last.parts, message] };
  } else {
    items.push({ kind: "reply", key: `reply:${name}`, parts: [message], live: null, entry: null });
  }
}

type Rewriting = Exclude<Entry, { kind: "send" }>;

/** Show that a reply is to be made anew or to go on, or that a question was asked in other words. */
function addRewriting(items: Item[], entry: Rewriting, live: LiveReply | null, keys: ItemKeys): void {
  const place = items.findIndex((item) => isOf(item, entry.body.message_id ?? null));
  const target = items[place];
  if (target === undefined) return; // the history has the new path already
  if (entry.state === "refused" || entry.kind === "continue") {
    items[place] = { ...target, entry };
    return;
  }
  const isAnswered = entry.kind === "regenerate" && target.kind === "question";
  items.length = isAnswered ? place + 1 : place;
  if (entry.runId !== null && entry.runId === live?.runId) return; // the live reply shows the rest
  if (entry.kind === "edit") items.push(questionIn(entry, keys));
  else items.push({ kind: "reply", key: `reply:${keys.ofEntry(entry)}`, parts: [], live: null, entry });
}

function questionIn(entry: Extract<Entry, { kind: "send" | "edit" }>, keys: ItemKeys): Item {
  const question = { text: entry.body.message ?? "", images: entry.body.images ?? [] };
  return { kind: "question", key: `question:${keys.ofEntry(entry)}`, question, message: null, entry };
}

function addLive(items: Item[], live: LiveReply | null, keys: ItemKeys): void {
  if (live === null) return;
  const isStored = items.some((item) => item.kind === "reply" && item.parts.some((part) => part.run_id === live.runId));
  if (isStored) return; // the history was quicker
  const name = keys.ofRun(live.runId);
  const last = items.at(-1);
  if (last?.kind === "reply" && live.continues !== null && isOf(last, live.continues)) {
    items[items.length - 1] = { ...last, live, entry: null };
    return;
  }
  if (live.question !== null) {
    keys.noteLive(live.runId);
    const { question } = live;
    items.push({ kind: "question", key: `question:${name}`, question, message: null, entry: null });
  }
  items.push({ kind: "reply", key: `reply:${name}`, parts: [], live, entry: null });
}

/** Whether the item shows the stored message. */
export function isOf(item: Item, messageId: string | null): boolean {
  if (messageId === null) return false;
  if (item.kind === "question") return item.message?.id === messageId;
  return item.parts.some((part) => part.id === messageId);
}

/** A continuation, the answer of a tool, and what the model says of that are one reply. */
function belongsTo(reply: ReplyItem, message: StoredMessage): boolean {
  const last = reply.parts.at(-1);
  if (message.role === "tool" || last?.role === "tool") return true;
  return typeof message.continues === "string" && isOf(reply, message.continues);
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

/** What a reply shows, in its order. What is being written is not in `text` yet: see `live`. */
export function segmentsOf(reply: ReplyItem): readonly Segment[] {
  const segments: Segment[] = [];
  for (const part of reply.parts) {
    const last = segments.at(-1);
    if (part.role === "tool") {
      const told = resultIn(last?.calls ?? [], part);
      segments[Math.max(0, segments.length - 1)] = { ...(last ?? emptySegment(reply.key)), calls: told };
    } else if (last !== undefined && part.continues) {
      segments[segments.length - 1] = joined(last, part);
    } else {
      segments.push(joined(emptySegment(segments.length === 0 ? reply.key : (part.id ?? "")), part));
    }
  }
  if (reply.live === null) return segments;
  const last = segments.at(-1) ?? emptySegment(reply.key);
  return [...segments.slice(0, -1), { ...last, live: reply.live }];
}

function emptySegment(key: string): Segment {
  return { key, text: "", reasoning: "", calls: [], live: null };
}

/** The segment with a stored part behind what it has. */
function joined(segment: Segment, part: StoredMessage): Segment {
  const calls = (part.tool_calls ?? []).map((call: Schemas["ToolCall"]) => ({ ...call, result: null }));
  return {
    ...segment,
    text: segment.text + questionOf(part).text,
    reasoning: segment.reasoning + (part.reasoning ?? ""),
    calls: [...segment.calls, ...calls],
  };
}

/** The calls, with what a `tool` message says to one of them; to the first that waits when it does not say to which. */
function resultIn(calls: readonly ToolUse[], message: StoredMessage): readonly ToolUse[] {
  const { text: result } = questionOf(message);
  const isMeant = (call: ToolUse) => (message.tool_call_id ? call.id === message.tool_call_id : call.result === null);
  const place = calls.findIndex(isMeant);
  if (place < 0) return [...calls, { id: message.tool_call_id ?? "", name: "", arguments: "", result }];
  return calls.map((call, at) => (at === place ? { ...call, result } : call));
}

/** The text of a reply for the clipboard: Markdown, its continuations joined without a seam. */
export function textOf(reply: ReplyItem): string {
  const texts = segmentsOf(reply).map((segment) => segment.text + (segment.live?.text.value ?? ""));
  return texts.filter((text) => text !== "").join("\n\n");
}
