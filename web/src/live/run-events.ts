/** Following a run: what was missed, then live, to its end, across every break of the line and restart of the server. */

import { createParser } from "eventsource-parser";
import { BASE_URL, reached, refusalOf, type Schemas, Unreachable } from "../api/client";
import { waitOut } from "./retry";
import { Silence } from "./silence";

/** The server sends a comment every 10 s when there is nothing to say (docs/api.md, Runs). */
const SILENCE_MS = 25_000;
/** It answers at once, and what is asked over a connection that died unnoticed is never answered. */
const ANSWER_MS = 10_000;
/** A line that broke after this long was a good one: the next try comes soon. */
const LASTING_MS = 10_000;

type FailedCall = Schemas["FailedCall"];

/** docs/api.md, Runs. Events of other names are passed over. */
export type RunEvent =
  | {
      id: number;
      type: "start";
      data: { run_id: string; message_id: string; provider: string; model: string; continues?: string };
    }
  | { id: number; type: "retry"; data: { provider: string; model: string; delay_s: number; failed: FailedCall } }
  | { id: number; type: "delta"; data: { text: string } }
  | { id: number; type: "reasoning"; data: { text: string } }
  | { id: number; type: "tool_call"; data: Schemas["ToolCall"] }
  | { id: number; type: "usage"; data: Schemas["Usage"] }
  | { id: number; type: "done"; data: RunDone }
  | { id: number; type: "failed"; data: RunFailed };

export interface RunDone {
  finish_reason: string;
  usage: Schemas["Usage"];
  stats: Schemas["Stats"];
  message_id: string;
  state: string;
  rolled_back?: boolean;
}

export interface RunFailed {
  code: string;
  detail: string;
  title: string;
  state: string;
  partial?: string;
  retry_after_s?: number;
}

/** Whether the events come, or are waited for. */
export type Line = "open" | "waiting";

/**
 * Call `onEvents` with what comes after event `after` (-1 is from the beginning), in order, each once, as many at a time
 * as arrived together. Returns after the last one, or when nothing is left to see. A line that is down is tried again
 * for as long as it takes; `onLine` is told.
 *
 * Raises: Refused when the server knows no such run, or has no such events (410); AbortError.
 */
export async function followRun(
  runId: string,
  after: number,
  onEvents: (events: RunEvent[]) => void,
  onLine: (line: Line) => void,
  signal: AbortSignal,
): Promise<void> {
  let seen = after;
  let tries = 0;
  const onArrived = (events: RunEvent[]) => {
    tries = 0;
    const fresh = events.filter((event) => event.id > seen);
    seen = fresh.at(-1)?.id ?? seen;
    if (fresh.length > 0) onEvents(fresh);
  };
  for (;;) {
    const begunAt = Date.now();
    try {
      return await readOnce(runId, seen, signal, () => onLine("open"), onArrived);
    } catch (error) {
      signal.throwIfAborted();
      onLine("waiting");
      tries = Date.now() - begunAt > LASTING_MS ? 1 : tries + 1;
      await waitOut(error, tries, signal);
    }
  }
}

/** One connection, to the run's end. Raises: Unreachable when it breaks before; as followRun. */
async function readOnce(
  runId: string,
  after: number,
  signal: AbortSignal,
  onOpen: () => void,
  onEvents: (events: RunEvent[]) => void,
): Promise<void> {
  const silent = new AbortController();
  const giveUp = () => silent.abort(new DOMException("No sign of life.", "TimeoutError"));
  const ended = AbortSignal.any([signal, silent.signal]);
  const answer = new Silence(ANSWER_MS, giveUp);
  const response = await opened(runId, after, ended).finally(() => answer.end());
  if (response === null) return;
  onOpen();
  const silence = new Silence(SILENCE_MS, giveUp);
  await readAll(response, () => silence.heard(), onEvents).finally(() => silence.end());
}

/** The events as they come; null when nothing is left to see. */
async function opened(runId: string, after: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array> | null> {
  const url = new URL(`runs/${encodeURIComponent(runId)}/events?after=${after}`, BASE_URL);
  const response = await reached(fetch(url, { headers: { Accept: "text/event-stream" }, signal }));
  if (response.status === 204) return null;
  if (!response.ok) throw refusalOf(response, await bodyOf(response));
  if (response.body === null) throw new Unreachable("The answer has no body.");
  return response.body;
}

async function readAll(
  body: ReadableStream<Uint8Array>,
  heard: () => void,
  onEvents: (events: RunEvent[]) => void,
): Promise<void> {
  let arrived: RunEvent[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => {
      const parsed = parsedEvent(id, event, data);
      if (parsed !== null) arrived.push(parsed);
    },
  });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reached(reader.read());
      if (done) throw new Unreachable("The stream ended before the run.");
      heard();
      parser.feed(decoder.decode(value, { stream: true }));
      if (arrived.length === 0) continue;
      const events = arrived;
      arrived = [];
      onEvents(events);
      const last = events.at(-1);
      if (last?.type === "done" || last?.type === "failed") return;
    }
  } finally {
    void reader.cancel().catch(() => undefined); // it has ended, or is of no use
  }
}

const TYPES = new Set(["start", "retry", "delta", "reasoning", "tool_call", "usage", "done", "failed"]);

/** Null for what this version does not know. */
export function parsedEvent(id: string | undefined, type: string | undefined, data: string): RunEvent | null {
  if (id === undefined || !/^\d{1,15}$/.test(id) || type === undefined || !TYPES.has(type)) return null;
  return { id: Number(id), type, data: JSON.parse(data) } as RunEvent;
}

async function bodyOf(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    return null;
  }
}
