/** What is known of the list of chats, and how a page of it fits into that. Reading pages: list.ts. */

import type { Schemas } from "../api/client";

/** Where something stands in the list. */
export interface Position {
  readonly chatId: string;
  /** As the server writes it, always in UTC with microseconds: it sorts as text. */
  readonly lastUpdated: string;
}

export interface ChatRow extends Position {
  readonly title: string;
}

/** Chats from some place on, newest first, whole down to `end`. `cursor` reads on from there; both are null at the list's end. */
export interface Stretch {
  readonly rows: readonly ChatRow[];
  readonly end: Position | null;
  readonly cursor: string | null;
}

/** Below zero when `one` stands before `other`: newest first, and equals by id, as the server has them. */
export function order(one: Position, other: Position): number {
  if (one.lastUpdated !== other.lastUpdated) return one.lastUpdated > other.lastUpdated ? -1 : 1;
  if (one.chatId === other.chatId) return 0;
  return one.chatId > other.chatId ? -1 : 1;
}

/** An answer of GET /chat/history. Its members come in any order: JavaScript puts ids that are numbers first. */
export function stretchOf({ chats, next_cursor: cursor }: Schemas["ChatList"]): Stretch {
  const entries = Object.entries(chats);
  const rows = entries
    .map(([chatId, row]) => ({ chatId, title: row.title, lastUpdated: row.last_updated }))
    .sort(order);
  if (cursor === null) return { rows, end: null, cursor };
  // Why without those with a run: chats that have just begun stand on the first page however old they are.
  const resting = rows.filter(({ chatId }) => chats[chatId]?.active_run === null);
  return { rows, end: resting.at(-1) ?? rows.at(-1) ?? null, cursor };
}

/** Whether nothing that was changed since `known` was read can stand below `fresh`, the newest of the list. */
export function isJoined(known: Stretch, fresh: Stretch): boolean {
  const [newest] = known.rows;
  return fresh.end === null || (newest !== undefined && order(fresh.end, newest) >= 0);
}

/** `known`, with the newest chats as they are now. They must be joined. */
export function withNewest(known: Stretch, fresh: Stretch): Stretch {
  const rows = spliced(known.rows, null, fresh);
  if (fresh.end === null || (known.end !== null && order(fresh.end, known.end) >= 0)) return { ...fresh, rows };
  return { ...known, rows };
}

/** `known`, with the page that its cursor gave. */
export function withOlder(known: Stretch, page: Stretch): Stretch {
  return { ...page, rows: spliced(known.rows, known.end, page) };
}

export function without(known: Stretch, chatId: string): Stretch {
  return { ...known, rows: known.rows.filter((row) => row.chatId !== chatId) };
}

export function retitled(known: Stretch, chatId: string, title: string): Stretch {
  return { ...known, rows: known.rows.map((row) => (row.chatId === chatId ? { ...row, title } : row)) };
}

/** `known`, with the chat in its place; what belongs further down than was read is left to paging. */
export function withRow(known: Stretch, row: ChatRow): Stretch {
  if (known.end !== null && order(row, known.end) > 0) return known;
  return { ...known, rows: [...without(known, row.chatId).rows, row].sort(order) };
}

/** The first index in `list`, which is in order, that does not stand before `place`. */
export function indexAt(list: readonly Position[], place: Position): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (order(list[middle] as Position, place) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** `rows`, with those between `after` and the end of `page` replaced by its own. No chat is there twice. */
function spliced(rows: readonly ChatRow[], after: Position | null, page: Stretch): ChatRow[] {
  const fresh = new Set(page.rows.map((row) => row.chatId));
  const isReplaced = (row: ChatRow) =>
    fresh.has(row.chatId) ||
    ((after === null || order(row, after) > 0) && (page.end === null || order(row, page.end) <= 0));
  // Two sorted parts: engines sort those in one walk.
  return [...rows.filter((row) => !isReplaced(row)), ...page.rows].sort(order);
}
