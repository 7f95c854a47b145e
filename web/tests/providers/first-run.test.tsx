import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, expect, test } from "vitest";
import { chooseLanguage } from "../../src/i18n/i18n";
import { defaultProvider, isOnline, type Provider, providers } from "../../src/live/status-feed";
import { FirstRunHint } from "../../src/providers/FirstRunHint";
import { keepFor } from "../../src/session/kept";

const page = document.createElement("div");

function shown(known: Provider[], chosen: string | null): string {
  isOnline.value = true;
  providers.value = known;
  defaultProvider.value = chosen;
  act(() => render(<FirstRunHint />, page));
  return page.textContent ?? "";
}

function provider(name: string, state: Provider["state"], error: string | null = null): Provider {
  return { name, state, error, models: [], last_checked: null, retry_at: null };
}

afterEach(() => {
  act(() => render(null, page));
  localStorage.clear();
});

test("the hint of the tiny model says how to get a good one, and is gone for good once it is dismissed", () => {
  keepFor("alice");
  chooseLanguage("en");
  expect(shown([provider("embedded", "HEALTHY")], "embedded")).toContain("OPENAI_API_KEY=… make run");
  act(() => page.querySelector("button")?.click());
  expect(page.textContent).toBe("");
  act(() => render(null, page));
  expect(shown([provider("embedded", "HEALTHY")], "embedded")).toBe("");
});

test("when nobody can answer the reasons are told, in the language of the page", () => {
  chooseLanguage("de");
  const text = shown([provider("ollama", "UNHEALTHY", "Nobody is there.")], null);
  expect(text).toContain("Zurzeit kann kein Modell antworten");
  expect(text).toContain("ollama: Nobody is there.");
  expect(page.querySelector("button")).toBeNull();
});
