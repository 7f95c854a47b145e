/**
 * Where the outbox is kept in the browser: a database, which takes images, and beside it a copy of what is not in there
 * yet, for that is written before the next line runs: a tab that is closed with the click on Send loses nothing.
 */

import { delMany, entries, get, set } from "idb-keyval";
import { keep, kept, keptNames, outboxStore } from "../session/kept";
import type { Entry } from "./outbox";

const COPY = "outbox:";
const LARGEST_COPY = 200_000; // characters: browsers keep five million for all of it
const DATABASE_MS = 3000; // for an answer: some have none when the browser has just begun

/** Keys that were kept once: of the others it says nothing that they are not found. */
const known = new Set<string>();

/**
 * Keep the entry: a small one is kept when this returns, a larger one when what is returned ends. A browser that keeps
 * nothing sends all the same.
 */
export function store(entry: Entry): Promise<void> {
  const copy = storeCopy(entry);
  const stored = storeWhole(entry, copy);
  return copy === null ? stored : Promise.resolve();
}

/** The copy, null when it is too large, or not taken. */
function storeCopy(entry: Entry): string | null {
  const text = JSON.stringify(entry);
  if (text.length > LARGEST_COPY) return null;
  keep(COPY + entry.key, text);
  if (kept(COPY + entry.key) !== text) return null;
  known.add(entry.key);
  return text;
}

async function storeWhole(entry: Entry, copy: string | null): Promise<void> {
  const isStored = await inTime(async () => {
    await set(entry.key, entry, outboxStore());
    return true;
  }, false);
  if (!isStored) return;
  known.add(entry.key);
  if (copy !== null && kept(COPY + entry.key) === copy) keep(COPY + entry.key, null);
}

/** What is kept under that key; null when it is not any more, undefined when that cannot be known. */
export async function stored(key: string): Promise<Entry | null | undefined> {
  const copy = parsed(kept(COPY + key));
  if (copy !== null) return copy;
  if (!known.has(key)) return undefined;
  return inTime(async () => (await get<Entry>(key, outboxStore())) ?? null, undefined);
}

/** All that is kept, oldest first. */
export async function storedEntries(): Promise<Entry[]> {
  const found = new Map<string, Entry>(await inTime(() => entries<string, Entry>(outboxStore()), []));
  for (const key of keptNames(COPY)) {
    const copy = parsed(kept(COPY + key));
    if (copy !== null) found.set(key, copy); // a copy that is still there is newer
  }
  for (const key of found.keys()) known.add(key);
  return [...found.values()].sort((one, other) => one.createdAt - other.createdAt);
}

export function forget(keys: readonly string[]): void {
  for (const key of keys) {
    known.delete(key);
    keep(COPY + key, null);
  }
  if (keys.length > 0) void inTime(() => delMany([...keys], outboxStore()), undefined);
}

/** What the database answers, else `otherwise`. */
async function inTime<T>(work: () => Promise<T>, otherwise: T): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(() => resolve(otherwise), DATABASE_MS);
  });
  try {
    return await Promise.race([work(), late]);
  } catch {
    return otherwise; // storage is switched off, or full
  } finally {
    clearTimeout(timer);
  }
}

function parsed(text: string | null): Entry | null {
  try {
    return text === null ? null : (JSON.parse(text) as Entry);
  } catch {
    return null; // not written by this version
  }
}
