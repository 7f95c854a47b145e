import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { GenerationStats } from "../../src/live/status-feed";
import { forgetOwner, keepFor } from "../../src/session/kept";
import { gatherHistory, pointOf, points } from "../../src/status/history";
import { running } from "../providers/samples";

vi.mock("idb-keyval", () => ({ createStore: () => null, clear: async () => undefined }));

let tell: (stats: GenerationStats) => void;
let stop: () => void;

vi.mock("../../src/live/status-feed", async (original) => ({
  ...(await original<object>()),
  onGeneration: (listener: typeof tell) => {
    tell = listener;
    return () => {
      tell = () => undefined;
    };
  },
}));

beforeEach(() => {
  sessionStorage.clear();
  vi.useFakeTimers();
  stop = gatherFor("ann");
});

afterEach(() => {
  stop();
  vi.useRealTimers();
});

function gatherFor(owner: string): () => void {
  keepFor(owner);
  return gatherHistory();
}

test("a run counts once it has ended", () => {
  tell(running());
  expect(points.value).toEqual([]);
  tell(running({ state: "completed" }));
  expect(points.value).toMatchObject([
    { provider: "openai", tokensPerSecond: 20, firstTokenMs: 300, outcome: "replied" },
  ]);
});

test.each([
  ["completed", "replied"],
  ["stopped", "stopped"],
  ["failed", "failed"],
  ["interrupted", "failed"],
] as const)("a run that is %s has %s", (state, outcome) => {
  expect(pointOf(running({ state }), 1).outcome).toBe(outcome);
});

test("what was gathered outlives a reload, for its owner alone", () => {
  tell(running({ state: "completed" }));
  vi.advanceTimersByTime(1000);
  stop();
  stop = gatherFor("ben");
  expect(points.value).toEqual([]);
  stop();
  stop = gatherFor("ann");
  expect(points.value).toHaveLength(1);
});

test("what was heard just before a reload is kept too", () => {
  tell(running({ state: "completed" }));
  dispatchEvent(new Event("pagehide"));
  stop();
  stop = gatherFor("ann");
  expect(points.value).toHaveLength(1);
});

test("who logs out leaves no figures behind", async () => {
  tell(running({ state: "completed" }));
  dispatchEvent(new Event("pagehide"));
  await forgetOwner();
  expect({ ...sessionStorage }).toEqual({});
});

test("the oldest points go when there are too many", () => {
  for (let run = 0; run < 2001; run += 1) tell(running({ state: "completed", tokens_per_second: run }));
  expect(points.value).toHaveLength(2000);
  expect(points.value[0]?.tokensPerSecond).toBe(1);
});

test("no text is kept", () => {
  tell(running({ state: "failed", error: "provider_error", chat_id: "secret-plans" }));
  dispatchEvent(new Event("pagehide"));
  expect({ ...sessionStorage }).not.toEqual({});
  expect(JSON.stringify({ ...sessionStorage })).not.toContain("secret-plans");
});

test("a storage that holds something else begins anew", () => {
  stop();
  sessionStorage.setItem("chatkeep:/:ann:history", '{"version": 9}');
  stop = gatherFor("ann");
  expect(points.value).toEqual([]);
});
