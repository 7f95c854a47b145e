import { effect } from "@preact/signals";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { OfferedModel } from "../../src/providers/models";
import { offered, provider } from "./samples";

let page: typeof import("../../src/providers/models");
let feed: typeof import("../../src/live/status-feed");
let asked: string[];
let listed: OfferedModel[];
let stop: () => void;

beforeEach(async () => {
  vi.resetModules();
  asked = [];
  listed = [offered("openai/small")];
  vi.stubGlobal("fetch", (request: Request) => {
    asked.push(new URL(request.url).pathname);
    return Promise.resolve(Response.json({ models: listed, success: true }));
  });
  vi.useFakeTimers();
  feed = await import("../../src/live/status-feed");
  page = await import("../../src/providers/models");
  stop = () => undefined;
});

afterEach(() => {
  stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function settle(): Promise<void> {
  await vi.advanceTimersByTimeAsync(1000);
}

function look(): void {
  stop = effect(() => void page.models.value);
}

test("nothing is asked before somebody looks", async () => {
  feed.isOnline.value = true;
  feed.providers.value = [provider("openai")];
  await settle();
  expect(asked).toEqual([]);
  expect(page.modelOf("openai/small")).toBeNull();
});

test("the models are read once for all who look, and found by their id", async () => {
  look();
  feed.providers.value = [provider("openai")];
  feed.isOnline.value = true;
  await settle();
  const other = effect(() => void page.models.value);
  await settle();
  other();
  expect(asked).toEqual(["/api/llm/models"]);
  expect(page.modelOf("openai/small")?.model).toBe("small");
  expect(page.modelOf("openai/other")).toBeNull();
  expect(page.modelOf(null)).toBeNull();
});

test("providers that change their state are asked for once, however many they are", async () => {
  look();
  feed.isOnline.value = true;
  await settle();
  listed = [offered("openai/large")];
  feed.providers.value = [provider("openai"), provider("groq", { state: "UNHEALTHY" })];
  feed.providers.value = [provider("openai"), provider("groq")];
  await settle();
  expect(asked).toHaveLength(2);
  expect(page.models.value?.map(({ id }) => id)).toEqual(["openai/large"]);
});

test("a status that says nothing new asks for nothing", async () => {
  look();
  feed.providers.value = [provider("openai")];
  feed.isOnline.value = true;
  await settle();
  feed.providers.value = [provider("openai", { last_checked: "2026-03-01T12:00:15Z" })];
  await settle();
  expect(asked).toHaveLength(1);
});

test("a server that cannot be reached is asked again", async () => {
  const answer = globalThis.fetch;
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("no network")));
  look();
  feed.isOnline.value = false;
  await vi.advanceTimersByTimeAsync(100);
  vi.stubGlobal("fetch", answer);
  await vi.advanceTimersByTimeAsync(2000);
  expect(page.models.value).toHaveLength(1);
});

test("the default is the first model of the default provider", () => {
  feed.providers.value = [provider("groq", { models: ["b"] }), provider("openai", { models: ["a", "c"] })];
  expect(page.defaultModel.value).toBeNull();
  feed.defaultProvider.value = "openai";
  expect(page.defaultModel.value).toBe("openai/a");
});
