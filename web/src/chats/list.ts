/** The list of chats, newest first, read a page at a time. */

import { batch, computed, signal } from "@preact/signals";
import { answerOf, api, type Schemas } from "../api/client";
import { FINAL_STATES, liveRuns, onGeneration, onReturn } from "../live/status-feed";
import { announce, onChange } from "./changes";

const PAGE = 200;

export type ChatRow = Schemas["ChatRow"] & { chatId: string };

const rows = signal<ReadonlyMap<string, ChatRow>>(new Map());
const cursor = signal<string | null>(null);

/** Null until the first page is there. */
export const chats = signal<readonly ChatRow[] | null>(null);
export const hasMore = computed(() => cursor.value !== null);
/** Ids of chats with a live run. */
export const liveChats = computed(() => new Set([...liveRuns.value.values()].map((run) => run.chat_id)));

/** Keep the list as the server has it. Returns what ends that. */
export function watchChats(): () => void {
  const ends = [
    onReturn(() => void refresh()),
    onChange(() => void refresh()),
    onGeneration((stats) => {
      const isNew = stats.chat_id !== undefined && !rows.value.has(stats.chat_id);
      if (isNew || FINAL_STATES.has(stats.state)) void refresh();
    }),
  ];
  return () => {
    for (const end of ends) end();
  };
}

/** Read the newest page again. What is further down stays as it was read. */
export async function refresh(): Promise<void> {
  const page = await answerOf(api.GET("/chat/history", { params: { query: { limit: PAGE } } }));
  batch(() => {
    const fresh = rowsOf(page);
    const oldest = fresh.at(-1)?.last_updated ?? "";
    // What is newer than the end of this page and not on it is gone.
    const older = (chats.value ?? []).filter((row) => row.last_updated < oldest);
    if (page.next_cursor === null || older.length === 0) {
      cursor.value = page.next_cursor;
      show(fresh);
    } else {
      show([...fresh, ...older]);
    }
  });
}

/** Read the next page, when there is one. Raises: Refused, Unreachable. */
export async function loadMore(): Promise<void> {
  const asked = cursor.value;
  if (asked === null) return;
  const page = await answerOf(api.GET("/chat/history", { params: { query: { limit: PAGE, cursor: asked } } }));
  if (cursor.value !== asked) return;
  batch(() => {
    cursor.value = page.next_cursor;
    show([...(chats.value ?? []), ...rowsOf(page)]);
  });
}

/** Forget the list: somebody else uses the page from here on. */
export function forgetChats(): void {
  batch(() => {
    chats.value = null;
    rows.value = new Map();
    cursor.value = null;
  });
}

/** Raises: Refused, Unreachable. */
export async function rename(chatId: string, title: string): Promise<void> {
  const params = { path: { chat_id: chatId } };
  await answerOf(api.PATCH("/chat/rename/{chat_id}", { params, body: { title } }));
  announce({ chatId, change: "saved" });
}

/** Into the trash, from which `restore` brings it back. Raises: Refused, Unreachable. */
export async function remove(chatId: string): Promise<void> {
  await answerOf(api.DELETE("/chat/delete/{chat_id}", { params: { path: { chat_id: chatId } } }));
  announce({ chatId, change: "deleted" });
}

/** Raises: Refused, Unreachable. */
export async function restore(chatId: string): Promise<void> {
  await answerOf(api.POST("/chat/restore/{chat_id}", { params: { path: { chat_id: chatId } }, body: {} }));
  announce({ chatId, change: "saved" });
}

function show(list: ChatRow[]): void {
  rows.value = new Map(list.map((row) => [row.chatId, row]));
  chats.value = [...rows.value.values()];
}

function rowsOf(page: Schemas["ChatList"]): ChatRow[] {
  return Object.entries(page.chats).map(([chatId, row]) => ({ ...row, chatId }));
}
