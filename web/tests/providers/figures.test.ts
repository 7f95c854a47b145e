import { expect, test } from "vitest";
import { figuresOfReply, figuresOfRun } from "../../src/providers/figures";
import { offered, running } from "./samples";

test("a reply that is written costs its tokens so far, where the price is known", () => {
  const model = offered("openai/small", { output_usd_per_mtok: 2 });
  expect(figuresOfRun(running({ tokens: 500 }), model).costUsd).toBeCloseTo(0.001);
  expect(figuresOfRun(running({ tokens: 500 }), offered("openai/small")).costUsd).toBeNull();
  expect(figuresOfRun(running({ tokens: 500 }), null).costUsd).toBeNull();
});

test("the server's own cost is believed before a list price", () => {
  const model = offered("openai/small", { output_usd_per_mtok: 2 });
  expect(figuresOfRun(running({ tokens: 500, cost_usd: 0.5 }), model).costUsd).toBe(0.5);
});

test("a stored reply without figures has none", () => {
  expect(figuresOfReply(null, null)).toEqual({
    tokens: null,
    isEstimated: false,
    tokensPerSecond: null,
    firstTokenMs: null,
    elapsedMs: null,
    costUsd: null,
  });
});

test("a reply that a restart ended has no time: nobody was there to measure it", () => {
  const usage = { prompt_tokens: 0, completion_tokens: 7, total_tokens: 7, estimated: true };
  const stats = { time_to_first_token_ms: null, elapsed_ms: 0, tokens_per_second: null };
  expect(figuresOfReply(usage, stats)).toMatchObject({ tokens: 7, elapsedMs: null });
});

test("a stored reply has those of its run", () => {
  const usage = { prompt_tokens: 20, completion_tokens: 12, total_tokens: 32, estimated: true };
  const stats = { time_to_first_token_ms: 120, elapsed_ms: 900, tokens_per_second: 15.4, cost_usd: 0.01 };
  expect(figuresOfReply(usage, stats)).toEqual({
    tokens: 12,
    isEstimated: true,
    tokensPerSecond: 15.4,
    firstTokenMs: 120,
    elapsedMs: 900,
    costUsd: 0.01,
  });
});
