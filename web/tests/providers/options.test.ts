import { beforeEach, expect, test } from "vitest";
import {
  askedWith,
  forgetOptions,
  giveBackSystemPrompt,
  newSystemPrompt,
  optionsOf,
  takeNewSystemPrompt,
} from "../../src/providers/options";
import { keepFor, keptNames } from "../../src/session/kept";

beforeEach(() => {
  keepFor("ann");
  localStorage.clear();
  forgetOptions();
});

test("the system prompt of the next chat outlives a reload, and is used once", () => {
  newSystemPrompt().value = "Answer in verse. ";
  forgetOptions();
  expect(takeNewSystemPrompt()).toEqual({ system_prompt: "Answer in verse." });
  expect(takeNewSystemPrompt()).toEqual({});
  forgetOptions();
  expect(newSystemPrompt().value).toBe("");
});

test("a system prompt that comes back does not replace one that is typed", () => {
  newSystemPrompt().value = "Typed meanwhile.";
  giveBackSystemPrompt("Answer in verse.");
  expect(newSystemPrompt().value).toBe("Typed meanwhile.");
});

test("the choice that was just made is kept, however many others there are", () => {
  const choice = { model: "openai/a", temperature: null, maxTokens: null };
  for (let number = 0; number < 510; number += 1) optionsOf(`chat-${number}`).value = { ...choice };
  forgetOptions();
  optionsOf("zero").value = { ...choice, model: "groq/c" };
  optionsOf("last").value = { ...choice, model: "groq/b" };
  forgetOptions();
  expect(optionsOf("zero").value.model).toBe("groq/c");
  expect(keptNames("options:")).toHaveLength(500);
});

test("a chat keeps its model, and a new chat begins with the last choice", () => {
  optionsOf("one").value = { model: "openai/a", temperature: 0.5, maxTokens: null };
  optionsOf("two").value = { model: "groq/b", temperature: null, maxTokens: 9 };
  forgetOptions();
  expect(optionsOf("one").value.model).toBe("openai/a");
  expect(optionsOf("three").value).toEqual({ model: "groq/b", temperature: null, maxTokens: 9 });
});

test("a chat keeps what it was asked with, also when that was chosen in another one", () => {
  optionsOf("one").value = { model: "openai/a", temperature: 0.5, maxTokens: null };
  expect(askedWith("two")).toEqual({ model: "openai/a", temperature: 0.5 });
  optionsOf("one").value = { model: "groq/b", temperature: null, maxTokens: null };
  forgetOptions();
  expect(optionsOf("two").value.model).toBe("openai/a");
  expect(optionsOf("three").value.model).toBe("groq/b");
});

test("a chat that was left to the server stays so", () => {
  expect(askedWith("one")).toEqual({});
  optionsOf("two").value = { model: "groq/b", temperature: null, maxTokens: null };
  forgetOptions();
  expect(optionsOf("one").value.model).toBeNull();
});
