/** The stored messages of a chat, as they are read page by page. */

import { answerOf, api, type Schemas } from "../api/client";

export type StoredMessage = Schemas["ShownMessage"];

/** The last `limit` messages of the active path, or of those before a message, and the turn that is going. Raises: Refused, Unreachable. */
export function readHistory(
  chatId: string,
  query: { limit: number; before?: string },
  signal: AbortSignal,
): Promise<Schemas["HistoryAnswer"]> {
  return answerOf(api.GET("/chat/history/{chat_id}", { params: { path: { chat_id: chatId }, query }, signal }));
}

/** `fresh` with the older messages of `shown` before it; null when they are not of one path. */
export function joinedPath(
  shown: readonly StoredMessage[],
  fresh: readonly StoredMessage[],
): readonly StoredMessage[] | null {
  const first = fresh[0]?.id;
  const place = first ? shown.findIndex((message) => message.id === first) : -1;
  return place < 0 ? null : [...shown.slice(0, place), ...fresh];
}
