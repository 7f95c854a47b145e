/** Providers and models for tests, of which each says only what it is about. */

import type { Provider } from "../../src/live/status-feed";
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
