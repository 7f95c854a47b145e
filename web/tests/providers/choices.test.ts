import { expect, test } from "vitest";
import { type ChoiceGroup, choicesOf, placeAfter } from "../../src/providers/choices";
import { offered, provider } from "./samples";

const MODELS = [offered("openai/gpt-5-mini"), offered("openai/gpt-5"), offered("openrouter/meta/llama-4")];
const PROVIDERS = [
  provider("openai"),
  provider("openrouter", { state: "UNHEALTHY", error: "It refused the key." }),
  provider("groq", { state: "NOT_CONFIGURED" }),
];

function shown(groups: readonly ChoiceGroup[]): [string | null, (string | null)[]][] {
  return groups.map(({ provider, choices }) => [provider?.name ?? null, choices.map(({ id }) => id)]);
}

test("without a search the default is first, and every provider has its group", () => {
  expect(shown(choicesOf(MODELS, PROVIDERS, null, " "))).toEqual([
    [null, [null]],
    ["openai", ["openai/gpt-5-mini", "openai/gpt-5"]],
    ["openrouter", ["openrouter/meta/llama-4"]],
    ["groq", []],
  ]);
});

test("a search finds the models that have each of its words, also those of a provider that does not answer", () => {
  expect(shown(choicesOf(MODELS, PROVIDERS, null, "MINI gpt"))).toEqual([["openai", ["openai/gpt-5-mini"]]]);
  expect(shown(choicesOf(MODELS, PROVIDERS, null, "openrouter"))).toEqual([
    ["openrouter", ["openrouter/meta/llama-4"]],
  ]);
  expect(choicesOf(MODELS, PROVIDERS, null, "nothing like it")).toEqual([]);
});

test("the present choice is offered also when nobody lists it", () => {
  expect(shown(choicesOf(MODELS, PROVIDERS, "gone/model", ""))[0]).toEqual([null, [null, "gone/model"]]);
  expect(shown(choicesOf(MODELS, PROVIDERS, "openai/gpt-5", ""))[0]).toEqual([null, [null]]);
});

test.each([
  ["ArrowDown", 0, 1],
  ["ArrowDown", 24, 0],
  ["ArrowUp", 0, 24],
  ["PageDown", 20, 24],
  ["PageUp", 12, 2],
  ["Home", 3, null],
])("%s leads from place %d of 25 to %s", (key, place, next) => {
  expect(placeAfter(key, place, 25)).toBe(next);
});

test("no key leads anywhere in an empty list", () => {
  expect(placeAfter("ArrowDown", 0, 0)).toBeNull();
});
