/**
 * The list of chats, newest first, read a page at a time and kept as the server has it. How pages fit together:
 * stretch.ts; what a person does to a chat of it: actions.ts.
 */

import { batch, computed, signal } from "@preact/signals";
import { answerOf, api, Refused, Unreachable } from "../api/client";
import {
  type ChatNews,
  FINAL_STATES,
  type GenerationStats,
  liveRuns,
  onChatNews,
  onGeneration,
  onReturn,
} from "../live/status-feed";
import { type ChatChange, onChange } from "./changes";
import { Paced } from "./pacing";
import {
  type ChatRow,
  isJoined,
  retitled,
  type Stretch,
  stretchOf,
  withNewest,
  withOlder,
  without,
  withRow,
} from "./stretch";

const NEWEST = 100; // chats, read after each run
const OLDER = 1000; // a page while one scrolls: the server's most, for a rate limit counts pages
const MOST_PAGES = 3; // to find what is known already below what is new
const MOST_STASHED = 100;

const known = signal<Stretch | null>(null);
const deleting = signal<ReadonlySet<string>>(new Set());
const renaming = signal<ReadonlyMap<string, string>>(new Map());

/** Null until the first page is there. */
export const chats = computed<readonly ChatRow[] | null>(() => {
  const rows = known.value?.rows;
  if (rows === undefined) return null;
  if (deleting.value.size === 0 && renaming.value.size === 0) return rows;
  const left = rows.filter((row) => !deleting.value.has(row.chatId));
  return left.map((row) => ({ ...row, title: renaming.value.get(row.chatId) ?? row.title }));
});

export const hasMore = computed(() => known.value !== null && known.value.cursor !== null);

/** Why the list, or its next page, is not there; null when nothing is wrong, or what is there is only not fresh. */
export const problem = signal<Refused | Unreachable | null>(null);

const byId = computed(() => new Map(chats.value?.map((row) => [row.chatId, row])));

/** Undefined for a chat that is not in the list as far as it was read. */
export function rowOf(chatId: string): ChatRow | undefined {
  return byId.value.get(chatId);
}

let live: ReadonlySet<string> = new Set();
/** Ids of chats with a live run. Another set only when one begins or ends: figures come twice a second. */
export const liveChats = computed<ReadonlySet<string>>(() => {
  const ids = new Set<string>();
  for (const { chat_id: chatId } of liveRuns.value.values()) if (chatId !== undefined) ids.add(chatId);
  if (ids.size !== live.size || [...ids].some((id) => !live.has(id))) live = ids;
  return live;
});

/** Rows of chats that were deleted, so that they can be put back where they stood. */
const stash = new Map<string, ChatRow>();
/** Goes up with each change that is made here: an answer that was asked for before is not of use any more. */
let changes = 0;
/** Goes up when the list is forgotten: nothing that was asked for before is asked for again. */
let era = 0;
/** Chats came that may belong anywhere in the list: it begins anew with the next answer. */
let isScattered = false;
let paging: Promise<void> | null = null;
let paced: Paced | null = null;

/** Keep the list as the server has it. Returns what ends that. */
export function watchChats(): () => void {
  const met = new Set<string>(); // runs
  paced = new Paced(refresh, fail);
  const ends = [onReturn(refreshSoon), onChange(take), onChatNews(hear), onGeneration((stats) => meet(stats, met))];
  refreshSoon();
  return () => {
    for (const end of ends) end();
    paced?.close();
    paced = null;
  };
}

/** Have the newest page read again, soon. */
export function refreshSoon(): void {
  paced?.ask();
}

/** Read what is new. What is further down stays as it was read. Raises: Refused, Unreachable. */
export function refresh(): Promise<void> {
  return inTurn(async (isCurrent) => {
    const before = isScattered ? null : known.peek();
    let page = await read(NEWEST, null);
    let fresh = page;
    for (let more = 0; before !== null && !isJoined(before, page) && more < MOST_PAGES; more += 1) {
      page = await read(OLDER, page.cursor);
      fresh = withOlder(fresh, page);
    }
    if (!isCurrent()) return false;
    isScattered = false;
    // Limit: when that much has changed, what was read further down is of no use.
    known.value = before === null || !isJoined(before, fresh) ? fresh : withNewest(before, fresh);
    return true;
  });
}

/** Read the next page, when there is one. What goes wrong is in `problem`, and nothing is read until `tryAgain`. */
export function loadMore(): Promise<void> {
  if (problem.peek() !== null) return Promise.resolve();
  paging ??= inTurn(readOlder)
    .catch(show)
    .finally(() => {
      paging = null;
    });
  return paging;
}

async function readOlder(isCurrent: () => boolean): Promise<boolean> {
  const before = known.peek();
  if (before === null || before.cursor === null) return true;
  const page = await read(OLDER, before.cursor);
  if (!isCurrent()) return false;
  known.value = withOlder(before, page);
  return true;
}

/** Ask for the list, or its next page, once more. */
export function tryAgain(): void {
  problem.value = null;
  if (known.value === null) refreshSoon();
  else void loadMore();
}

/** Leave the chat out of the list for as long as `work` goes on. */
export async function whileHidden(chatId: string, work: () => Promise<void>): Promise<void> {
  deleting.value = new Set(deleting.value).add(chatId);
  try {
    await work();
  } finally {
    deleting.value = new Set([...deleting.value].filter((id) => id !== chatId));
  }
}

/** Show the chat under `title` for as long as `work` goes on. */
export async function whileTitled(chatId: string, title: string, work: () => Promise<void>): Promise<void> {
  renaming.value = new Map(renaming.value).set(chatId, title);
  try {
    await work();
  } finally {
    renaming.value = new Map([...renaming.value].filter(([id, given]) => id !== chatId || given !== title));
  }
}

let last: Promise<unknown> = Promise.resolve();

/** One request after the other, each until its answer is of use: false asks again. */
function inTurn(work: (isCurrent: () => boolean) => Promise<boolean>): Promise<void> {
  const begun = era;
  const asked = last.then(async () => {
    let isDone = false;
    while (!isDone && begun === era) {
      const seen = changes;
      isDone = await work(() => changes === seen);
    }
    if (isDone) problem.value = null;
  });
  last = asked.catch(() => undefined);
  return asked;
}

async function read(limit: number, cursor: string | null): Promise<Stretch> {
  const query = cursor === null ? { limit } : { limit, cursor };
  return stretchOf(await answerOf(api.GET("/chat/history", { params: { query } })));
}

function take(news: ChatChange): void {
  switch (news.change) {
    case "saved":
      retitle(news.chatId, news.title);
      break;
    case "deleted":
      takeOut(news.chatId);
      break;
    case "restored":
      putBack(news.chatId);
      break;
    case "imported":
      scatter();
      break;
    case "read":
      break;
  }
}

/** What is done here is heard here too. */
function hear({ chat_id: chatId, change, title }: ChatNews): void {
  const row = known.peek()?.rows[rowIndex(chatId)];
  if (change === "deleted") takeOut(chatId);
  else if (row === undefined && stash.has(chatId)) putBack(chatId);
  else if (row !== undefined && title !== undefined && title !== row.title) retitle(chatId, title);
  else refreshSoon();
}

/** Without a title something else of it is new. */
function retitle(chatId: string, title: string | undefined): void {
  if (title === undefined) refreshSoon();
  else amend((list) => retitled(list, chatId, title));
}

function takeOut(chatId: string): void {
  const row = known.peek()?.rows[rowIndex(chatId)];
  if (row === undefined) return;
  putAside(row);
  amend((list) => without(list, chatId));
}

function putBack(chatId: string): void {
  const row = stash.get(chatId);
  stash.delete(chatId);
  if (row === undefined) scatter();
  else amend((list) => withRow(list, row));
}

function scatter(): void {
  isScattered = true;
  changes += 1;
  refreshSoon();
}

function rowIndex(chatId: string): number {
  return known.peek()?.rows.findIndex((row) => row.chatId === chatId) ?? -1;
}

function putAside(row: ChatRow): void {
  stash.set(row.chatId, row);
  const [oldest] = stash.keys();
  if (stash.size > MOST_STASHED && oldest !== undefined) stash.delete(oldest);
}

function amend(change: (list: Stretch) => Stretch): void {
  changes += 1;
  if (known.value !== null) known.value = change(known.value);
}

/** A chat that is not in the list has begun, or a run has come to its end. */
function meet(stats: GenerationStats, met: Set<string>): void {
  const { run_id: runId, chat_id: chatId } = stats;
  if (chatId === undefined) return;
  if (FINAL_STATES.has(stats.state)) {
    met.delete(runId);
    refreshSoon();
  } else if (!met.has(runId)) {
    met.add(runId);
    if (rowOf(chatId) === undefined) refreshSoon();
  }
}

/** A list that is there already is only not fresh. */
function fail(error: unknown): void {
  if (known.peek() === null) show(error);
}

/** Raises: what is no failure of a request. */
function show(error: unknown): void {
  if (!(error instanceof Refused) && !(error instanceof Unreachable)) throw error;
  const isLoginAsked = error instanceof Refused && error.status === 401; // by session.ts
  if (!isLoginAsked) problem.value = error;
}

/** Forget the list: somebody else uses the page from here on. */
export function forgetChats(): void {
  era += 1;
  changes += 1;
  isScattered = false;
  stash.clear();
  batch(() => {
    known.value = null;
    problem.value = null;
  });
}
