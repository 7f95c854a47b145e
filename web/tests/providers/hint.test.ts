import { expect, test } from "vitest";
import type { Provider } from "../../src/live/status-feed";
import { hintOf } from "../../src/providers/FirstRunHint";

function provider(name: string, state: Provider["state"], error: string | null = null): Provider {
  return { name, state, error, models: [], last_checked: null, retry_at: null };
}

const tiny = provider("embedded", "HEALTHY");
const missing = provider("openai", "NOT_CONFIGURED", "Set OPENAI_API_KEY.");
const broken = provider("ollama", "UNHEALTHY", "Nobody answers.");

test("when only the tiny model answers, that is said", () => {
  expect(hintOf([tiny, missing, broken], "embedded")).toEqual({ kind: "tiny" });
});

test("when another provider can answer, nothing is said", () => {
  expect(hintOf([tiny, provider("openai", "HEALTHY")], "embedded")).toBeNull();
  expect(hintOf([provider("openai", "HEALTHY")], "openai")).toBeNull();
});

test("when nobody can answer, those that should are named with their reasons", () => {
  expect(hintOf([missing, broken], null)).toEqual({ kind: "none", reasons: [broken] });
});

test("before it is known who there is, nothing is said", () => {
  expect(hintOf([], null)).toBeNull();
});
