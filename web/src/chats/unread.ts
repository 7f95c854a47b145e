/** Which chats have a reply that came while one was elsewhere. Kept in the browser, and told between its tabs. */

import { signal } from "@preact/signals";
import { FINAL_STATES, type GenerationStats, onGeneration } from "../live/status-feed";
import { route } from "../routes";
import { keep, kept } from "../session/kept";
import { announce, onChange } from "./changes";

const KEPT = "unread";
const MOST = 200;

/** Ids of chats. */
export const unread = signal<ReadonlySet<string>>(new Set());

/** Begin with what is kept, and go on from there. Returns what ends it. */
export function watchUnread(): () => void {
  const seen = new Set<string>(); // runs whose reply was read in some tab
  set(read());
  const ends = [
    onGeneration((stats) => hear(stats, seen)),
    onChange((news) => {
      if (news.change === "read" && news.runId !== null) note(seen, news.runId);
      if (news.change === "read" || news.change === "deleted")
        set([...unread.value].filter((id) => id !== news.chatId));
    }),
    route.subscribe(look),
  ];
  document.addEventListener("visibilitychange", look);
  return () => {
    for (const end of ends) end();
    document.removeEventListener("visibilitychange", look);
  };
}

function hear(stats: GenerationStats, seen: Set<string>): void {
  const { chat_id: chatId, run_id: runId, state } = stats;
  if (chatId === undefined || !FINAL_STATES.has(state)) return;
  if (isSeen(chatId)) announce({ change: "read", chatId, runId });
  // Who stopped it knows what there is.
  else if (state !== "stopped" && !seen.has(runId)) set([...unread.value, chatId]);
}

/** What is open now is read. */
function look(): void {
  const open = route.value;
  if (open.view !== "chat" || !isSeen(open.chatId) || !unread.peek().has(open.chatId)) return;
  announce({ change: "read", chatId: open.chatId, runId: null });
}

function isSeen(chatId: string): boolean {
  return !document.hidden && route.value.view === "chat" && route.value.chatId === chatId;
}

function set(ids: readonly string[]): void {
  const newest = new Set(ids.slice(-MOST));
  if (newest.size === unread.peek().size && [...newest].every((id) => unread.peek().has(id))) return;
  unread.value = newest;
  keep(KEPT, newest.size > 0 ? JSON.stringify([...newest]) : null);
}

function note(seen: Set<string>, runId: string): void {
  seen.add(runId);
  const [oldest] = seen;
  if (seen.size > MOST && oldest !== undefined) seen.delete(oldest);
}

function read(): string[] {
  try {
    const found: unknown = JSON.parse(kept(KEPT) ?? "[]");
    return Array.isArray(found) ? found.filter((id) => typeof id === "string") : [];
  } catch {
    return []; // not written by this version
  }
}
