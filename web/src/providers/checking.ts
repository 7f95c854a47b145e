/** Asking how the providers are, between what the feed says of them by itself. */

import { signal } from "@preact/signals";
import { answerOf, api } from "../api/client";
import { defaultProvider, type Provider, providers } from "../live/status-feed";

/** The server asks the providers now. */
export const isChecking = signal(false);

/** Have the server ask every provider now, and show what it found. Raises: Refused, Unreachable. */
export async function checkNow(): Promise<void> {
  if (isChecking.value) return;
  isChecking.value = true;
  try {
    const query = { check: true };
    const { providers: rows } = await answerOf(api.GET("/api/llm/health", { params: { query } }));
    providers.value = mergedRows(providers.value, rows);
  } finally {
    isChecking.value = false;
  }
}

/** Read what the server knows now: the feed tells a change of state at once, when it is tried again only every 30 s. */
export async function refreshProviders(): Promise<void> {
  const { providers: rows, default: name } = await answerOf(api.GET("/api/llm/providers"));
  providers.value = rows;
  defaultProvider.value = name;
}

/** `known` with each row that is in `fresh` in its place. */
function mergedRows(known: readonly Provider[], fresh: readonly Provider[]): Provider[] {
  const byName = new Map(fresh.map((provider) => [provider.name, provider]));
  const kept = known.map((provider) => byName.get(provider.name) ?? provider);
  const names = new Set(known.map(({ name }) => name));
  return [...kept, ...fresh.filter(({ name }) => !names.has(name))];
}
