/** Who answers in a chat, and how: chosen here and sent with each question. A new chat begins with the last choice. */

import { effect, type Signal, signal } from "@preact/signals";
import { keep, kept, keptNames } from "../session/kept";

/** Null leaves it to the server. `model` is `provider/model`, as GET /api/llm/models names it. */
export interface ChatOptions {
  model: string | null;
  /** 0 to 2. */
  temperature: number | null;
  /** Tokens of a reply. */
  maxTokens: number | null;
}

const NONE: ChatOptions = { model: null, temperature: null, maxTokens: null };
const LAST = "options";
const SYSTEM_PROMPT = "system-prompt";
const MOST_CHATS = 500; // whose choice is kept, each in about 100 bytes

const known = new Map<string, Signal<ChatOptions>>();

/** The choice in a chat. What is put into it is kept. */
export function optionsOf(chatId: string): Signal<ChatOptions> {
  const found = known.get(chatId);
  if (found !== undefined) return found;
  const options = signal(read(`${LAST}:${chatId}`) ?? read(LAST) ?? NONE);
  known.set(chatId, options);
  const first = options.peek();
  effect(() => {
    if (options.value === first) return;
    keepOf(chatId, options.value);
    keep(LAST, JSON.stringify(options.value));
  });
  return options;
}

/** The choice in a chat as fields of a request. From here on it is the chat's, whatever is chosen in another one. */
export function askedWith(chatId: string): { model?: string; temperature?: number; max_tokens?: number } {
  const options = optionsOf(chatId).peek();
  keepOf(chatId, options);
  return {
    ...(options.model === null ? {} : { model: options.model }),
    ...(options.temperature === null ? {} : { temperature: options.temperature }),
    ...(options.maxTokens === null ? {} : { max_tokens: options.maxTokens }),
  };
}

function keepOf(chatId: string, options: ChatOptions): void {
  keep(`${LAST}:${chatId}`, JSON.stringify(options));
  // Limit: most browsers name the oldest first, and none says which it is.
  const others = keptNames(`${LAST}:`).filter((other) => other !== chatId);
  for (const old of others.slice(0, 1 - MOST_CHATS)) keep(`${LAST}:${old}`, null);
}

let systemPrompt: Signal<string> | null = null;

/**
 * What the model of the chat that is begun next is told first; empty is the server's own prompt. What is put into it is
 * kept. A chat that is begun has its prompt on the server.
 */
export function newSystemPrompt(): Signal<string> {
  if (systemPrompt !== null) return systemPrompt;
  const prompt = signal(kept(SYSTEM_PROMPT) ?? "");
  systemPrompt = prompt;
  effect(() => keep(SYSTEM_PROMPT, prompt.value === "" ? null : prompt.value));
  return prompt;
}

/** The system prompt as a field of a chat's first message, which uses it up. */
export function takeNewSystemPrompt(): { system_prompt?: string } {
  const prompt = newSystemPrompt();
  const text = prompt.value.trim();
  prompt.value = "";
  return text === "" ? {} : { system_prompt: text };
}

/** Have the prompt of a first message that was taken back here again, unless another one is typed. */
export function giveBackSystemPrompt(text: string): void {
  const prompt = newSystemPrompt();
  if (prompt.peek().trim() === "") prompt.value = text;
}

/** Somebody else uses the page from here on. */
export function forgetOptions(): void {
  known.clear();
  systemPrompt = null;
}

function read(name: string): ChatOptions | null {
  const text = kept(name);
  if (text === null) return null;
  try {
    return { ...NONE, ...(JSON.parse(text) as Partial<ChatOptions>) };
  } catch {
    return null; // not written by this version
  }
}
