/**
 * What is to be asked and is not known to have arrived. Each entry is kept in the browser before it is sent, and sent with
 * one Idempotency-Key until the server says what became of it: a reload, a double click or a second tab never asks twice.
 */

import { signal } from "@preact/signals";
import { Refused } from "../api/client";
import { waitOut } from "../live/retry";
import { uuid } from "../session/random";
import { type Asked, post } from "./asked";
import { forget, store, stored, storedEntries } from "./outbox-store";

export type { Asked } from "./asked";

/** `waiting` is being sent; `accepted` is on the server's disk, and its run goes on or waits; `refused` was not taken. */
export type Entry = Asked & {
  key: string;
  chatId: string;
  createdAt: number;
  state: "waiting" | "accepted" | "refused";
  runId: string | null;
  problem: { status: number; code: string; detail: string } | null;
};

/** Oldest first. */
export const outbox = signal<readonly Entry[]>([]);

const HOUR_MS = 3_600_000;
const KEPT_MS = HOUR_MS; // an accepted entry is of use only while its run waits
/** The server knows a key for 24 hours. What was sent before that, and not answered, may have arrived. */
const SAFE_MS = 23 * HOUR_MS;

const queues = new Map<string, Promise<void>>();
let session = new AbortController();
let isOpen = false;

/** Take up what an earlier page left, and send it. */
export async function openOutbox(): Promise<void> {
  closeOutbox();
  session = new AbortController();
  const { signal: ended } = session;
  const found = await storedEntries();
  if (ended.aborted) return;
  const old = found.filter((entry) => entry.state === "accepted" && entry.createdAt < Date.now() - KEPT_MS);
  forget(old.map((entry) => entry.key));
  const earlier = found.filter((entry) => !old.includes(entry) && !has(entry.key));
  outbox.value = [...earlier, ...outbox.value]; // the others were asked while this was read
  isOpen = true;
  for (const entry of outbox.value) if (entry.state === "waiting") enqueue(entry);
}

/** Send nothing more, and leave what is kept for the next page. */
export function closeOutbox(): void {
  session.abort();
  isOpen = false;
  queues.clear();
  outbox.value = [];
}

/** Ask, after what was asked in that chat before. The entry that is returned is kept, and in the outbox already. */
export function ask(chatId: string, asked: Asked): Entry {
  const entry: Entry = {
    ...asked,
    key: uuid(),
    chatId,
    createdAt: Date.now(),
    state: "waiting",
    runId: null,
    problem: null,
  };
  outbox.value = [...outbox.value, entry];
  const stored = store(entry);
  if (isOpen) enqueue(entry, stored);
  return entry;
}

/** Ask again what was refused, as something new: the old key would give the old refusal. */
export function askAgain(entry: Entry): Entry {
  remove(entry.key);
  return ask(entry.chatId, entry);
}

/** Take an entry out: its run is seen elsewhere, or it is given up. */
export function remove(key: string): void {
  if (!has(key)) return;
  outbox.value = outbox.value.filter((entry) => entry.key !== key);
  forget([key]);
}

/** Send the entry when those before it are, and `stored` has come. */
function enqueue(entry: Entry, stored: Promise<void> = Promise.resolve()): void {
  const { signal: ended } = session;
  const before = queues.get(entry.chatId) ?? Promise.resolve();
  const sent = before.then(() => stored).then(() => deliver(entry, ended));
  queues.set(
    entry.chatId,
    sent.catch(() => undefined), // what is asked next does not wait for what can never be sent
  );
  sent.catch((error: unknown) => {
    const isLeft = ended.aborted || (error instanceof DOMException && error.name === "AbortError");
    if (!isLeft) throw error; // else another page will take it up
  });
}

async function deliver(entry: Entry, ended: AbortSignal): Promise<void> {
  for (let tries = 1; has(entry.key); tries += 1) {
    ended.throwIfAborted();
    if (Date.now() - entry.createdAt > SAFE_MS)
      return refuse(entry, { status: 0, code: "not_sent_in_time", detail: "" });
    try {
      const { run_id: runId } = await post(entry.chatId, entry, entry.key);
      ended.throwIfAborted();
      return change({ ...entry, state: "accepted", runId });
    } catch (error) {
      ended.throwIfAborted();
      if (error instanceof Refused && !error.isPassing && error.status !== 401) return refuse(entry, error);
      await waitOut(error, tries, ended);
      if (!(await isStillWaiting(entry))) return;
    }
  }
}

function refuse(entry: Entry, { status, code, detail }: NonNullable<Entry["problem"]>): void {
  change({ ...entry, state: "refused", problem: { status, code, detail } });
}

/** Whether no other tab has sent it, or given it up, meanwhile. */
async function isStillWaiting(entry: Entry): Promise<boolean> {
  const found = await stored(entry.key);
  if (found === null) outbox.value = outbox.value.filter(({ key }) => key !== entry.key);
  else if (found !== undefined && found.state !== "waiting") show(found);
  else return true;
  return false;
}

function change(entry: Entry): void {
  if (!has(entry.key)) return;
  show(entry);
  void store(entry);
}

function show(entry: Entry): void {
  outbox.value = outbox.value.map((each) => (each.key === entry.key ? entry : each));
}

function has(key: string): boolean {
  return outbox.value.some((entry) => entry.key === key);
}
