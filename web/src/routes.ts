/** Where one is in the page: the part of the address after `#`, so that the server needs to know one address only. */

import { signal } from "@preact/signals";

export type Route =
  | { view: "new" }
  | { view: "chat"; chatId: string; messageId: string | null }
  | { view: "status" }
  | { view: "trash" };

export const route = signal<Route>(routeOf(location.hash));

addEventListener("hashchange", () => {
  route.value = routeOf(location.hash);
});

/** What a hash means; anything unknown is a new chat. */
export function routeOf(hash: string): Route {
  const [view, first, second] = hash.replace(/^#\/?/, "").split("/").map(decoded);
  if (view === "chat" && first) return { view, chatId: first, messageId: second || null };
  if (view === "status" || view === "trash") return { view };
  return { view: "new" };
}

/** The hash that means `target`. */
export function hashOf(target: Route): string {
  if (target.view === "new") return "#/";
  if (target.view !== "chat") return `#/${target.view}`;
  const message = target.messageId === null ? "" : `/${encodeURIComponent(target.messageId)}`;
  return `#/chat/${encodeURIComponent(target.chatId)}${message}`;
}

/** Go there; the browser's Back comes back. With `replaces` it does not. */
export function go(target: Route, { replaces = false } = {}): void {
  if (replaces) history.replaceState(null, "", hashOf(target));
  else history.pushState(null, "", hashOf(target));
  route.value = target;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return ""; // no address that we made
  }
}
