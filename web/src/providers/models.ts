/** The models that the providers list, read from the server for as long as somebody looks at them. Which one is chosen: options.ts. */

import { computed, effect, type Signal, signal } from "@preact/signals";
import { answerOf, api, type Schemas } from "../api/client";
import { defaultProvider, isOnline, onReturn, providers } from "../live/status-feed";
import { pause, waitAfter } from "../live/waiting";

export type OfferedModel = Schemas["OfferedModel"];

/** A start of the server changes the state of every provider: one request for all of them. */
const SETTLE_MS = 500;

let reading: AbortController | null = null;
let stopWatching: (() => void) | null = null;
/** The providers as they were when the models were read. */
let readAt: string | null = null;

/** In the order of their providers; null until they were read. */
export const models: Signal<readonly OfferedModel[] | null> = signal(null, { watched: watch, unwatched: rest });

const byId = computed(() => new Map((models.value ?? []).map((model) => [model.id, model])));

/** What is known of the model `id`, `provider/model`. Null when it is not listed, or not read yet. */
export function modelOf(id: string | null): OfferedModel | null {
  return id === null ? null : (byId.value.get(id) ?? null);
}

/** The model that answers when none is chosen, as `provider/model`; null while nobody can. */
export const defaultModel = computed<string | null>(() => {
  const provider = providers.value.find(({ name }) => name === defaultProvider.value);
  return provider?.models[0] === undefined ? null : `${provider.name}/${provider.models[0]}`;
});

function watch(): void {
  const stopHearing = onReturn(() => void read(providers.peek().map(traitsOf).join("\n")));
  const stopEffect = effect(() => {
    const now = providers.value.map(traitsOf).join("\n");
    // Before the feed has said anything, nothing is known of any provider: it speaks at once, unless it cannot be had.
    if (isOnline.value !== null && now !== readAt) void read(now);
  });
  stopWatching = () => {
    stopHearing();
    stopEffect();
  };
}

function rest(): void {
  stopWatching?.();
  stopWatching = null;
  reading?.abort();
}

async function read(at: string): Promise<void> {
  reading?.abort();
  const mine = new AbortController();
  reading = mine;
  try {
    if (models.peek() !== null) await pause(SETTLE_MS, mine.signal);
    models.value = await readOnceThere(mine.signal);
    readAt = at;
  } catch {
    // It was given up, or refused: the next change asks again.
  }
}

async function readOnceThere(signal: AbortSignal): Promise<readonly OfferedModel[]> {
  for (let tries = 1; ; tries += 1) {
    try {
      const { models } = await answerOf(api.GET("/api/llm/models", { signal }));
      return models;
    } catch (error) {
      signal.throwIfAborted();
      await pause(waitAfter(error, tries), signal);
    }
  }
}

/** What changes the list: the state of a provider, and which models it names. */
function traitsOf({ name, state, models }: Schemas["ProviderInfo"]): string {
  return [name, state, ...models].join(" ");
}
