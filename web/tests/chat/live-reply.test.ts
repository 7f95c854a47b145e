import { describe, expect, test } from "vitest";
import type { Schemas } from "../../src/api/client";
import { liveReplyOfEntry, liveReplyOfRun } from "../../src/chat/live-reply";
import type { Entry } from "../../src/chat/outbox";
import type { RunEvent } from "../../src/live/run-events";
import { until } from "../until";

const RUN = { run_id: "r", message_id: "m", message: "asked", response: "" } as Schemas["ActiveRun"];
const live = (last_event_id = -1) => liveReplyOfRun({ ...RUN, last_event_id });
const text = (id: number, words: string): RunEvent => ({ id, type: "delta", data: { text: words } });

describe("a live reply", () => {
  test("shows text once a frame, however many events come", async () => {
    const reply = live();
    const seen: string[] = [];
    const end = reply.text.subscribe((value) => seen.push(value));
    for (let id = 0; id < 100; id += 1) reply.take([text(id, "x")]);
    await until(() => reply.text.value.length === 100);
    end();

    expect(seen).toEqual(["", "x".repeat(100)]);
  });

  test("shows all of its text in the moment in which it ends", () => {
    const reply = live();
    const failed = { code: "provider_error", detail: "", title: "", state: "failed" };
    reply.take([text(0, "half a "), text(1, "sentence"), { id: 2, type: "failed", data: failed }]);

    expect(reply.text.value).toBe("half a sentence");
    expect([reply.state.value, reply.ending.value?.type, reply.lastEventId]).toEqual(["ended", "failed", 2]);
  });

  test("tells of a call that is made again until text comes", async () => {
    const reply = live();
    const failed = { provider: "p", model: "w", code: "provider_error", detail: "overheated", elapsed_ms: 1 };
    reply.take([{ id: 1, type: "retry", data: { provider: "q", model: "v", delay_s: 0.5, failed } }]);
    expect(reply.retry.value).toEqual({ provider: "p", delayS: 0.5, detail: "overheated" });
    expect(reply.provider.value).toBe("q");
    reply.take([text(2, "x")]);

    expect(reply.retry.value).toBeNull();
  });

  test("of a run that waits is queued until it starts", () => {
    const reply = live();
    expect(reply.state.value).toBe("queued");
    reply.take([{ id: 0, type: "start", data: { run_id: "r", message_id: "m", provider: "p", model: "w" } }]);

    expect(reply.state.value).toBe("running");
    expect(live(0).state.value).toBe("running");
  });

  test("of what was asked here knows the question, or the reply that it goes on with", () => {
    const entry = { key: "k", chatId: "c", createdAt: 0, state: "accepted", runId: "r", problem: null } as const;
    const send: Entry = { ...entry, kind: "send", body: { message: "Hello", images: ["data:,"] } };
    const goOn: Entry = { ...entry, kind: "continue", body: { message_id: "m" } };

    expect(liveReplyOfEntry(send).question).toEqual({ text: "Hello", images: ["data:,"] });
    expect([liveReplyOfEntry(goOn).question, liveReplyOfEntry(goOn).continues]).toEqual([null, "m"]);
  });
});
