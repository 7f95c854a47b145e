/** The deleted chats, as far as they were read. */

import { signal } from "@preact/signals";
import { answerOf, api, Refused, type Schemas, Unreachable } from "../api/client";

export type TrashRow = Schemas["TrashRow"];

const PAGE = 100;

export class Trash {
  /** Newest first; null until they are there. An id that was deleted several times is there as often. */
  readonly rows = signal<readonly TrashRow[] | null>(null);
  readonly hasMore = signal(false);
  readonly problem = signal<Refused | Unreachable | null>(null);
  #cursor: string | null = null;

  /** Read the first page, or the next one. */
  async load(): Promise<void> {
    try {
      const query = this.#cursor === null ? { limit: PAGE } : { limit: PAGE, cursor: this.#cursor };
      const page = await answerOf(api.GET("/chat/trash", { params: { query } }));
      this.rows.value = [...(this.#cursor === null ? [] : (this.rows.value ?? [])), ...page.chats];
      this.#cursor = page.next_cursor;
      this.hasMore.value = page.next_cursor !== null;
      this.problem.value = null;
    } catch (error) {
      if (!(error instanceof Refused) && !(error instanceof Unreachable)) throw error;
      this.problem.value = error;
    }
  }

  /** It is a chat again. */
  drop(row: TrashRow): void {
    this.rows.value = this.rows.value?.filter((each) => each !== row) ?? null;
  }
}

/** The rows that can be restored: of those with one id the newest, for it is the one that comes back. */
export function restorable(rows: readonly TrashRow[]): ReadonlySet<TrashRow> {
  const newest = new Map<string, TrashRow>();
  for (const row of rows) if (!newest.has(row.chat_id)) newest.set(row.chat_id, row);
  return new Set(newest.values());
}
