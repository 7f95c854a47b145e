/** What the page keeps in the browser, apart for each server and owner of chats: drafts, choices, and what is not sent yet. No keys. */

import { clear, createStore, type UseStore } from "idb-keyval";
import { SERVER_PATH } from "../api/client";

let owner: string | null = null;

/** From here on, what is kept is that owner's; with null nothing is. */
export function keepFor(name: string | null): void {
  owner = name;
  store = null;
}

function nameOf(name: string): string {
  return `chatkeep:${SERVER_PATH}:${owner}:${name}`;
}

/** The text kept under `name`, null when there is none. */
export function kept(name: string): string | null {
  if (owner === null) return null;
  try {
    return localStorage.getItem(nameOf(name));
  } catch {
    return null; // storage is switched off
  }
}

/** Keep `text` under `name`; null forgets it. A browser that takes no more loses it with the tab, and no sooner. */
export function keep(name: string, text: string | null): void {
  if (owner === null) return;
  try {
    if (text === null) localStorage.removeItem(nameOf(name));
    else localStorage.setItem(nameOf(name), text);
  } catch {
    // The quota is used up, or storage is switched off.
  }
}

/** As `kept`, of what this tab keeps for itself. */
export function keptInTab(name: string): string | null {
  if (owner === null) return null;
  try {
    return sessionStorage.getItem(nameOf(name));
  } catch {
    return null; // storage is switched off
  }
}

/** Keep `text` for this tab alone, over its reloads, to its end; null forgets it. */
export function keepInTab(name: string, text: string | null): void {
  if (owner === null) return;
  try {
    if (text === null) sessionStorage.removeItem(nameOf(name));
    else sessionStorage.setItem(nameOf(name), text);
  } catch {
    // The quota is used up, or storage is switched off.
  }
}

/** The names under which something is kept that begin with `prefix`, without it. */
export function keptNames(prefix: string): string[] {
  return namesIn(() => localStorage, prefix);
}

/** Why a function: where storage is switched off, naming it throws. */
function namesIn(storage: () => Storage, prefix: string): string[] {
  if (owner === null) return [];
  const begins = nameOf(prefix);
  try {
    return Object.keys(storage())
      .filter((name) => name.startsWith(begins))
      .map((name) => name.slice(begins.length));
  } catch {
    return []; // it is switched off
  }
}

let store: UseStore | null = null;

/** Where the owner's outbox is kept. */
export function outboxStore(): UseStore {
  const canKeep = owner !== null && "indexedDB" in globalThis;
  store ??= canKeep ? createStore(`chatkeep:${SERVER_PATH}:${owner}`, "outbox") : keepsNothing;
  return store;
}

const keepsNothing: UseStore = () => Promise.reject(new Error("Nobody is here, or the browser keeps nothing."));

/** Forget what this tab alone keeps for the owner, and keep nothing more. */
export function forgetTab(): void {
  for (const name of namesIn(() => sessionStorage, "")) keepInTab(name, null);
  keepFor(null);
}

/** Forget all that is kept for the owner, and keep nothing more. */
export async function forgetOwner(): Promise<void> {
  const [names, entries] = [keptNames(""), outboxStore()];
  for (const name of names) keep(name, null);
  forgetTab();
  await clear(entries).catch(() => undefined); // nothing is kept where the browser lets nothing be kept
}
