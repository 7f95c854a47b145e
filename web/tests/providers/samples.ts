/** Providers and models for tests, of which each says only what it is about. */

import type { GenerationStats, Provider } from "../../src/live/status-feed";
import type { OfferedModel } from "../../src/providers/models";

export function provider(name: string, options: Partial<Provider> = {}): Provider {
  return { name, state: "HEALTHY", error: null, models: [], last_checked: null, retry_at: null, ...options };
}

export function offered(id: string, options: Partial<OfferedModel> = {}): OfferedModel {
  const [provider = "", ...rest] = id.split("/");
  return {
    id,
    provider,
    model: rest.join("/"),
    context_tokens: null,
    input_usd_per_mtok: null,
    output_usd_per_mtok: null,
    can_prefill: false,
    can_see: null,
    ...options,
  };
}

export function running(options: Partial<GenerationStats> = {}): GenerationStats {
  return {
    run_id: "run_1",
    chat_id: "one",
    state: "running",
    provider: "openai",
    model: "small",
    tokens: 10,
    tokens_per_second: 20,
    time_to_first_token_ms: 300,
    elapsed_ms: 800,
    estimated: false,
    ...options,
  };
}
