import { beforeEach, describe, expect, test, vi } from "vitest";
import { Refused } from "../../src/api/client";
import { followRun, type RunEvent } from "../../src/live/run-events";
import { event, FakeServer } from "../server";
import { until } from "../until";

const START = event(0, "start", { run_id: "r", message_id: "m", provider: "p", model: "w" });
const DONE = event(3, "done", { finish_reason: "stop", state: "completed" });

let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 20 });
  server = new FakeServer();
  return () => vi.useRealTimers();
});

function following(after = -1) {
  const seen: RunEvent[] = [];
  const line: string[] = [];
  const abort = new AbortController();
  const ended = followRun(
    "r",
    after,
    (events) => seen.push(...events),
    (state) => line.push(state),
    abort.signal,
  );
  const outcome = ended.then(
    () => "over",
    (error: unknown) => error,
  );
  return { seen, line, abort, outcome, ids: () => seen.map(({ id }) => id) };
}

const delta = (id: number, text: string) => event(id, "delta", { text });

describe("followRun", () => {
  test("gives each event once and in order when the line breaks, however it is cut", async () => {
    const run = following();
    const first = await server.call("GET /runs/r/events?after=-1");
    first.open();
    first.send(START + delta(1, "a") + delta(2, "lost").slice(0, 20));
    await until(() => run.seen.length === 2);
    first.fail();
    const second = await server.call("GET /runs/r/events?after=1");
    second.open();
    second.send(delta(1, "a") + delta(2, "b") + DONE);

    expect(await run.outcome).toBe("over");
    expect(run.ids()).toEqual([0, 1, 2, 3]);
    expect(run.line).toEqual(["open", "waiting", "open"]);
  });

  test("takes events that come in pieces of one byte", async () => {
    const run = following();
    const call = await server.call("GET /runs/r/events");
    call.open();
    for (const byte of START + delta(1, "a") + DONE) call.send(byte);

    expect(await run.outcome).toBe("over");
    expect(run.ids()).toEqual([0, 1, 3]);
  });

  test("asks again when the stream ends before the run, until it is told to end", async () => {
    const run = following(4);
    const first = await server.call("GET /runs/r/events?after=4");
    first.open();
    first.end();
    await server.call("GET /runs/r/events?after=4", 1);
    run.abort.abort();

    expect(await run.outcome).toMatchObject({ name: "AbortError" });
  });

  test("is over when nothing is left to see", async () => {
    const run = following(3);
    const call = await server.call("GET /runs/r/events?after=3");
    call.answer(new Response(null, { status: 204 }));

    expect(await run.outcome).toBe("over");
  });

  test.each([
    [404, "run_not_found"],
    [410, "run_expired"],
  ])("raises what would be refused again: %i %s", async (status, code) => {
    const run = following();
    (await server.call("GET /runs/r/events")).refuse(status, code);

    const error = await run.outcome;
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ status, code });
  });

  test.each([
    [429, "rate_limited"],
    [503, "shutting_down"],
    [502, "bad gateway of a proxy"],
  ])("waits out what passes: %i %s", async (status, code) => {
    const run = following();
    const body = status === 502 ? "<html>" : { code };
    (await server.call("GET /runs/r/events")).json(body, status, { "Retry-After": "1" });
    const second = await server.call("GET /runs/r/events", 1);
    second.open();
    second.send(START + DONE);

    expect(await run.outcome).toBe("over");
  });

  test("gives up a line that says nothing, not even a ping, also when the machine slept meanwhile", async () => {
    const run = following();
    const first = await server.call("GET /runs/r/events");
    first.open();
    first.send(START);
    await until(() => run.seen.length === 1);
    vi.setSystemTime(Date.now() + 3_600_000);
    await vi.advanceTimersByTimeAsync(5000);
    expect(first.isAborted).toBe(true);
    const second = await server.call("GET /runs/r/events?after=0");
    second.open();
    second.send(DONE);

    expect(await run.outcome).toBe("over");
  });

  test("keeps a line on which only pings come", async () => {
    const run = following();
    const call = await server.call("GET /runs/r/events");
    call.open();
    for (let times = 0; times < 6; times += 1) {
      call.send(": ping\n\n");
      await vi.advanceTimersByTimeAsync(10_000);
    }
    call.send(START + DONE);

    expect(await run.outcome).toBe("over");
    expect(server.calls).toHaveLength(1);
  });

  test("passes over events that it does not know", async () => {
    const run = following();
    const call = await server.call("GET /runs/r/events");
    call.open();
    call.send(START + event(1, "news", {}) + event(2, "constructor", {}) + DONE);

    expect(await run.outcome).toBe("over");
    expect(run.ids()).toEqual([0, 3]);
  });
});
