/** The one WebSocket of the page: how the providers are, and how each of the caller's runs goes. */

import { signal } from "@preact/signals";
import { BASE_URL, type Schemas } from "../api/client";
import { Silence } from "./silence";
import { endPauses, pause, waitMs } from "./waiting";

export type Provider = Schemas["ProviderInfo"];

/** `generation_stats` of docs/api.md, Providers. `state` is a run's; a final one comes once. */
export interface GenerationStats {
  run_id: string;
  chat_id?: string;
  state: "queued" | "running" | "completed" | "stopped" | "failed" | "interrupted";
  provider: string;
  model: string;
  tokens: number;
  tokens_per_second: number | null;
  time_to_first_token_ms: number | null;
  elapsed_ms: number;
  estimated: boolean;
  error?: string | null;
  cost_usd?: number | null;
}

export const FINAL_STATES = new Set(["completed", "stopped", "failed", "interrupted"]);

/** `chat` of docs/api.md, Providers: somebody changed one of the caller's chats, maybe here. `title` is that of a saved one. */
export interface ChatNews {
  chat_id: string;
  change: "saved" | "deleted";
  title?: string;
  revision?: number;
}

type FeedMessage =
  | { type: "status"; providers: Provider[]; default: string | null }
  | { type: "state_change"; provider: string; new: Provider["state"]; error: string | null }
  | ({ type: "chat" } & ChatNews)
  | ({ type: "generation_stats" } & GenerationStats);

/** Whether the server is heard: false from the break of the line until it is back. Null: it was not asked yet. */
export const isOnline = signal<boolean | null>(null);
export const providers = signal<Provider[]>([]);
export const defaultProvider = signal<string | null>(null);
/** The figures of runs that go on, by run id. */
export const liveRuns = signal<ReadonlyMap<string, GenerationStats>>(new Map());

const listeners = new Set<(stats: GenerationStats) => void>();
const chatListeners = new Set<(news: ChatNews) => void>();
const returns = new Set<() => void>();

/** Be told of every figure that comes. Returns what ends it. */
export function onGeneration(listener: (stats: GenerationStats) => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Be told of every chat that is changed. Returns what ends it. */
export function onChatNews(listener: (news: ChatNews) => void): () => void {
  chatListeners.add(listener);
  return () => chatListeners.delete(listener);
}

/** Be told when the line is back: what happened in between was not heard. Returns what ends it. */
export function onReturn(listener: () => void): () => void {
  returns.add(listener);
  return () => returns.delete(listener);
}

/** Listen until `abort`, across every break of the line. `onBreak` is told of each: maybe the key is no longer valid. */
export async function listen(abort: AbortSignal, onBreak: () => void): Promise<void> {
  let tries = 0;
  while (!abort.aborted) {
    const wasOpen = await listenOnce(abort);
    isOnline.value = false;
    if (abort.aborted) return;
    onBreak();
    tries = wasOpen ? 1 : tries + 1;
    try {
      await pause(waitMs(tries, Math.random()), abort);
    } catch {
      return; // it is over
    }
  }
}

/** The server speaks every 30 s at least. */
const SILENCE_MS = 45_000;

function listenOnce(abort: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = new WebSocket(new URL("api/llm/ws/status", BASE_URL.replace(/^http/, "ws")));
    let wasOpen = false;
    // Why not when it is closed: of a server that is away the browser waits for a while to hear that it closes, too.
    const close = () => {
      over();
      socket.close();
    };
    const silence = new Silence(SILENCE_MS, close);
    abort.addEventListener("abort", close, { once: true });
    socket.onmessage = ({ data }) => {
      silence.heard();
      const isBack = !wasOpen && isOnline.value === false;
      wasOpen = true;
      isOnline.value = true;
      take(JSON.parse(data as string) as FeedMessage);
      if (!isBack) return;
      endPauses();
      for (const listener of returns) listener();
    };
    const over = () => {
      socket.onmessage = null;
      socket.onclose = null;
      silence.end();
      abort.removeEventListener("abort", close);
      liveRuns.value = new Map();
      resolve(wasOpen);
    };
    socket.onclose = over;
  });
}

function take(message: FeedMessage): void {
  switch (message.type) {
    case "status":
      providers.value = message.providers;
      defaultProvider.value = message.default;
      break;
    case "state_change":
      providers.value = providers.value.map((each) =>
        each.name === message.provider ? { ...each, state: message.new, error: message.error } : each,
      );
      break;
    case "chat":
      for (const listener of chatListeners) listener(message);
      break;
    case "generation_stats": {
      const runs = new Map(liveRuns.value);
      if (FINAL_STATES.has(message.state)) runs.delete(message.run_id);
      else runs.set(message.run_id, message);
      liveRuns.value = runs;
      for (const listener of listeners) listener(message);
      break;
    }
  }
}
