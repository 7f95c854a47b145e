/**
 * What is to be asked and is not known to have arrived. Each entry is kept in the browser before it is sent, and sent with
 * one Idempotency-Key until the server says what became of it: a reload, a double click or a second tab never asks twice.
 */

import { signal } from "@preact/signals";
import { delMany, entries as keptEntries, set } from "idb-keyval";
import { answerOf, api, Refused, type Schemas } from "../api/client";
import { pause, waitAfter } from "../live/waiting";
import { outboxStore } from "../session/kept";
import { uuid } from "../session/random";
import { whenOpen } from "../session/session";

/** What may be asked, in the terms of the route that takes it. Every one is a run that goes on by itself. */
export type Asked =
  | { kind: "send"; body: Schemas["SendBody"] }
  | { kind: "edit"; body: Schemas["EditBody"] }
  | { kind: "regenerate"; body: Schemas["RegenerateBody"] }
  | { kind: "continue"; body: Schemas["ContinueBody"] };

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

const KEPT_MS = 3_600_000; // an accepted entry is of use only while its run waits
const queues = new Map<string, Promise<void>>();
let session = new AbortController();

/** Take up what an earlier page left, and send it. */
export async function openOutbox(): Promise<void> {
  closeOutbox();
  session = new AbortController();
  const found = (await keptEntries<string, Entry>(outboxStore()).catch(() => [])).map(([, entry]) => entry);
  const old = found.filter((entry) => entry.state === "accepted" && entry.createdAt < Date.now() - KEPT_MS);
  forget(old.map((entry) => entry.key));
  outbox.value = found.filter((entry) => !old.includes(entry)).sort((one, other) => one.createdAt - other.createdAt);
  for (const entry of outbox.value) if (entry.state === "waiting") enqueue(entry);
}

/** Send nothing more, and leave what is kept for the next page. */
export function closeOutbox(): void {
  session.abort();
  queues.clear();
  outbox.value = [];
}

/** Ask, after what was asked in that chat before. The entry that is returned is in the outbox already. */
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
  enqueue(entry);
  return entry;
}

/** Ask again what was refused, as something new: the old key would give the old refusal. */
export function askAgain(entry: Entry): Entry {
  remove(entry.key);
  return ask(entry.chatId, entry);
}

/** Take an entry out: its run is seen elsewhere, or it is given up. */
export function remove(key: string): void {
  if (!outbox.value.some((entry) => entry.key === key)) return;
  outbox.value = outbox.value.filter((entry) => entry.key !== key);
  forget([key]);
}

function enqueue(entry: Entry): void {
  const { signal: ended } = session;
  const before = queues.get(entry.chatId) ?? Promise.resolve();
  queues.set(
    entry.chatId,
    before.then(() => deliver(entry, ended)).catch(() => undefined), // aborted: another page will take it up
  );
}

async function deliver(entry: Entry, ended: AbortSignal): Promise<void> {
  await persist(entry);
  for (let tries = 1; ; tries += 1) {
    if (!outbox.value.some(({ key }) => key === entry.key)) return; // given up
    try {
      const { run_id } = await post(entry);
      await change({ ...entry, state: "accepted", runId: run_id });
      return;
    } catch (error) {
      ended.throwIfAborted();
      if (error instanceof Refused && error.status === 401) {
        await whenOpen(ended);
        continue;
      }
      if (error instanceof Refused && !error.isPassing) {
        const { status, code, detail } = error;
        await change({ ...entry, state: "refused", problem: { status, code, detail } });
        return;
      }
      await pause(waitAfter(error, tries), ended);
    }
  }
}

/** Ask the server once. The answer to one key is always the same run. */
async function post(entry: Entry): Promise<Schemas["BackgroundAnswer"]> {
  const path = { chat_id: entry.chatId };
  const header = { "Idempotency-Key": entry.key };
  const background = true as const;
  switch (entry.kind) {
    case "send": {
      const body = { ...entry.body, chat_id: entry.chatId, background };
      return accepted(await answerOf(api.POST("/chat", { params: { header }, body })));
    }
    case "edit": {
      const body = { ...entry.body, background };
      return accepted(await answerOf(api.POST("/chat/edit/{chat_id}", { params: { path, header }, body })));
    }
    case "regenerate": {
      const body = { ...entry.body, background };
      return accepted(await answerOf(api.POST("/chat/regenerate/{chat_id}", { params: { path, header }, body })));
    }
    case "continue": {
      const body = { ...entry.body, background };
      return accepted(await answerOf(api.POST("/chat/continue/{chat_id}", { params: { path, header }, body })));
    }
  }
}

/** With `background` every answer is of this form. */
function accepted(answer: unknown): Schemas["BackgroundAnswer"] {
  return answer as Schemas["BackgroundAnswer"];
}

async function change(entry: Entry): Promise<void> {
  if (!outbox.value.some(({ key }) => key === entry.key)) return;
  outbox.value = outbox.value.map((each) => (each.key === entry.key ? entry : each));
  await persist(entry);
}

/** A browser that keeps nothing sends all the same. */
async function persist(entry: Entry): Promise<void> {
  await set(entry.key, entry, outboxStore()).catch(() => undefined);
}

function forget(keys: string[]): void {
  if (keys.length > 0) void delMany(keys, outboxStore()).catch(() => undefined);
}
