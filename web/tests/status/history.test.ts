import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { GenerationStats } from "../../src/live/status-feed";
import { gatherHistory, pointOf, points } from "../../src/status/history";
import { running } from "../providers/samples";

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
  stop = gatherHistory("ann");
});

afterEach(() => stop());

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
  stop();
  stop = gatherHistory("ben");
  expect(points.value).toEqual([]);
  stop();
  stop = gatherHistory("ann");
  expect(points.value).toHaveLength(1);
});

test("the oldest points go when there are too many", () => {
  for (let run = 0; run < 2001; run += 1) tell(running({ state: "completed", tokens_per_second: run }));
  expect(points.value).toHaveLength(2000);
  expect(points.value[0]?.tokensPerSecond).toBe(1);
});

test("no text is kept", () => {
  tell(running({ state: "failed", error: "provider_error", chat_id: "secret-plans" }));
  stop();
  expect(JSON.stringify({ ...sessionStorage })).not.toContain("secret-plans");
});

test("a storage that holds something else begins anew", () => {
  stop();
  sessionStorage.setItem("chatkeep:ann:history", '{"version": 9}');
  stop = gatherHistory("ann");
  expect(points.value).toEqual([]);
});
