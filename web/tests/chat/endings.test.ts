import { describe, expect, it } from "vitest";
import { newsOf } from "../../src/chat/Announcer";
import { cutText, problemText } from "../../src/chat/problems";
import { endOf, isCut } from "../../src/chat/ReplyEnd";
import { prettyJson } from "../../src/chat/ToolCalls";
import { tabTitle } from "../../src/chat/tab-title";
import { LANGUAGES } from "../../src/i18n/strings";
import type { RunDone, RunFailed } from "../../src/live/run-events";
import { liveReply, reply } from "./samples";

const DONE = { finish_reason: "stop", state: "completed" } as RunDone;
const FAILED = { code: "provider_error", detail: "overheated", state: "failed", title: "" } as RunFailed;

describe("the end of a reply", () => {
  it("is none while it is written", () => {
    expect(endOf(undefined, liveReply("r1", null), new Map())).toBeNull();
  });

  it("has the detail of a failure that was heard, which the history does not have", () => {
    const endings = new Map([["run-a1", { type: "failed" as const, failed: FAILED }]]);
    const stored = reply("a1", { status: "failed", error: "provider_error" });
    expect(endOf(stored, null, endings)).toMatchObject({ code: "provider_error", detail: "overheated" });
    expect(endOf(stored, null, new Map())).toMatchObject({ code: "provider_error", detail: "" });
  });

  it("is the same before and after it is stored", () => {
    const live = liveReply("run-a1", null);
    live.ending.value = { type: "done", done: DONE };
    expect(endOf(undefined, live, new Map())).toEqual(endOf(reply("a1", { finish_reason: "stop" }), null, new Map()));
  });

  it("can be gone on from when it broke off or was cut, and only then", () => {
    expect(isCut({ status: "complete", finishReason: "stop" })).toBe(false);
    expect(isCut({ status: "complete", finishReason: "length" })).toBe(true);
    for (const status of ["stopped", "failed", "interrupted"]) expect(isCut({ status, finishReason: null })).toBe(true);
  });
});

it("a failure is told in words also when its code is new", () => {
  for (const strings of Object.values(LANGUAGES)) {
    expect(problemText("provider_timeout", strings)).toBe(strings.problems.provider_timeout);
    expect(problemText("never_heard_of", strings)).toBe(strings.problemUnknown);
    expect(problemText("constructor", strings)).toBe(strings.problemUnknown);
    expect(cutText("stop", strings)).toBeNull();
    expect(cutText("loop", strings)).toBe(strings.cuts.loop);
  }
});

it("screen readers hear that a reply begins and ends, and nothing between", () => {
  const live = liveReply("r1", null);
  expect(newsOf(live, LANGUAGES.en)).toBe("");
  live.text.value = "One";
  const begun = newsOf(live, LANGUAGES.en);
  live.text.value = "One two";
  expect(newsOf(live, LANGUAGES.en)).toBe(begun);
  live.ending.value = { type: "done", done: DONE };
  expect(newsOf(live, LANGUAGES.en)).toBe(LANGUAGES.en.replyDone);
  live.ending.value = { type: "failed", failed: FAILED };
  expect(newsOf(live, LANGUAGES.en)).toBe(LANGUAGES.en.replyFailed);
});

it("the tab tells what happens in it while nobody looks", () => {
  expect([null, "writes" as const, "done" as const].map((unseen) => tabTitle("Tides", unseen))).toEqual([
    "Tides – chatkeep",
    "… Tides – chatkeep",
    "✓ Tides – chatkeep",
  ]);
});

it("arguments of a tool are indented when they are JSON, and left alone when not", () => {
  expect(prettyJson('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(prettyJson('{"a":')).toBe('{"a":');
});
