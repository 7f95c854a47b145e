import { expect, test } from "vitest";
import type { Schemas } from "../../src/api/client";
import { runsOf } from "../../src/status/runs";
import { running } from "../providers/samples";

function listed(runId: string, state: Schemas["RunAnswer"]["state"]): Schemas["RunAnswer"] {
  return {
    run_id: runId,
    chat_id: "one",
    message_id: "msg_1",
    state,
    provider: "openai",
    model: "small",
    created_at: "2026-03-01T12:00:00Z",
    event_count: 0,
    response_chars: 0,
    finish_reason: null,
    error: null,
    usage: null,
    stats: null,
    events_url: "",
    success: true,
  };
}

test("a run that is listed and heard of is shown once, with its figures", () => {
  const live = new Map([["run_1", running()]]);
  const shown = runsOf([listed("run_1", "running"), listed("run_2", "queued")], live, new Set());
  expect(shown.map(({ runId, state, stats }) => [runId, state, stats?.tokens ?? null])).toEqual([
    ["run_1", "running", 10],
    ["run_2", "queued", null],
  ]);
});

test("a run that has ended since it was listed is not shown", () => {
  expect(runsOf([listed("run_1", "running")], new Map(), new Set(["run_1"]))).toEqual([]);
});
