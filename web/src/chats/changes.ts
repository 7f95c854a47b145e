/** News between the tabs of one browser: a chat was changed, deleted, brought back or read, or many came at once. */

import { SERVER_PATH } from "../api/client";

export type ChatChange =
  /** With a `title` it has that one now, and nothing else is new. */
  | { change: "saved"; chatId: string; title?: string }
  | { change: "deleted" | "restored"; chatId: string }
  /** The reply of that run was seen. */
  | { change: "read"; chatId: string; runId: string | null }
  | { change: "imported" };

const channel = new BroadcastChannel(`chatkeep:${SERVER_PATH}`);
const listeners = new Set<(change: ChatChange) => void>();

channel.onmessage = ({ data }: MessageEvent<ChatChange>) => tell(data);

/** Tell this tab and the others. */
export function announce(change: ChatChange): void {
  tell(change);
  channel.postMessage(change);
}

/** Be told. Returns what ends it. */
export function onChange(listener: (change: ChatChange) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell(change: ChatChange): void {
  for (const listener of listeners) listener(change);
}
