/** The search of all messages: what is asked, and what was found so far. */

import { batch, computed, signal } from "@preact/signals";
import { answerOf, api, Refused, type Schemas, Unreachable } from "../api/client";
import { showSidebar } from "../shell/sidebar";

export type Result = Schemas["SearchResult"];

export interface Found {
  /** For what. */
  query: string;
  results: readonly Result[];
  total: number;
  /** There may be more than `total`. */
  isIncomplete: boolean;
}

const TYPING_MS = 300;
const PAGE = 50;
const FURTHEST = 10_000; // the server pages no further

/** What stands in the field. */
export const query = signal("");
/** Of the query that was answered last; it stays while the next one is asked. Null without a query. */
export const found = signal<Found | null>(null);
/** Why the query has no answer, or no further page. */
export const problem = signal<Refused | Unreachable | null>(null);
export const isSearching = computed(() => query.value.trim() !== "");
export const isWaiting = signal(false);

export const hasMore = computed(
  () => found.value !== null && found.value.results.length < Math.min(found.value.total, FURTHEST),
);

let timer: ReturnType<typeof setTimeout> | undefined;
let asked = new AbortController();
let isPaging = false;

/** Take what is typed, and ask when the typing rests. */
export function type(text: string): void {
  query.value = text;
  drop();
  if (text.trim() === "") forget();
  else {
    isWaiting.value = true;
    timer = setTimeout(searchNow, TYPING_MS);
  }
}

/** Ask at once. */
export function searchNow(): void {
  drop();
  if (isSearching.value) void ask(query.value.trim(), null);
}

/** Read further results, when there are any. */
export async function loadMore(): Promise<void> {
  const before = found.peek();
  if (before === null || !hasMore.peek() || isPaging || isWaiting.peek() || problem.peek() !== null) return;
  isPaging = true;
  try {
    await ask(before.query, before);
  } finally {
    isPaging = false;
  }
}

/** Ask again what failed. */
export function tryAgain(): void {
  const before = found.peek();
  problem.value = null;
  if (before?.query === query.peek().trim()) void loadMore();
  else searchNow();
}

export function clear(): void {
  type("");
}

let field: HTMLInputElement | null = null;

/** The field that `focusSearch` goes to; null when there is none. */
export function setField(input: HTMLInputElement | null): void {
  field = input;
}

/** Put the cursor into the field, with what stands there selected. */
export function focusSearch(): void {
  showSidebar(true);
  // Why later: a field in a sidebar that was hidden takes no focus before it is drawn.
  requestAnimationFrame(() => {
    field?.focus();
    field?.select();
  });
}

/** Nothing that was asked before is waited for any more. */
function drop(): void {
  clearTimeout(timer);
  asked.abort();
  asked = new AbortController();
}

function forget(): void {
  batch(() => {
    found.value = null;
    problem.value = null;
    isWaiting.value = false;
  });
}

/** `before` are the results so far when it is for the next page of them. */
async function ask(wanted: string, before: Found | null): Promise<void> {
  const { signal } = asked;
  if (before === null) isWaiting.value = true;
  try {
    const params = { query: { query: wanted, limit: PAGE, offset: before?.results.length ?? 0 } };
    const answer = await answerOf(api.GET("/search", { params, signal }));
    if (signal.aborted) return;
    batch(() => {
      found.value = joined(wanted, before, answer);
      problem.value = null;
      isWaiting.value = false;
    });
  } catch (error) {
    if (!signal.aborted) refuse(error, before);
  }
}

function joined(wanted: string, before: Found | null, answer: Schemas["SearchAnswer"]): Found {
  const known = before?.results ?? [];
  const ids = new Set(known.map(keyOf));
  // A chat that was changed between two pages may have moved a message from the one to the other.
  const fresh = answer.results.filter((result) => !ids.has(keyOf(result)));
  const results = [...known, ...fresh];
  return {
    query: wanted,
    results,
    total: fresh.length === 0 ? results.length : answer.total,
    isIncomplete: answer.incomplete,
  };
}

export function keyOf({ chat_id: chatId, message_id: messageId }: Result): string {
  return `${chatId}/${messageId}`;
}

function refuse(error: unknown, before: Found | null): void {
  if (!(error instanceof Refused) && !(error instanceof Unreachable)) throw error;
  batch(() => {
    problem.value = error;
    isWaiting.value = false;
    if (before === null) found.value = null;
  });
}
