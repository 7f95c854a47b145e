import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ask, askAgain, closeOutbox, openOutbox, outbox, remove } from "../../src/chat/outbox";
import { keepFor, keptNames } from "../../src/session/kept";
import { session, type Who } from "../../src/session/session";
import { FakeServer } from "../server";
import { until } from "../until";

const WHO = { name: "alice", owner: "alice", role: "user", success: true } as Who;
const HOUR_MS = 3_600_000;

let server: FakeServer;

beforeEach(async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 20 });
  server = new FakeServer();
  keepFor("alice");
  session.value = { state: "open", who: WHO };
  await openOutbox();
});

afterEach(() => {
  closeOutbox();
  localStorage.clear();
  vi.useRealTimers();
});

const send = (message: string, chatId = "c") => ask(chatId, { kind: "send", body: { message } });
const accept = { run_id: "r1", chat_id: "c", events_url: "/runs/r1/events", success: true };
const states = () => outbox.value.map(({ state }) => state);
const untilAll = (state: string) => until(() => states().every((each) => each === state) && states().length > 0);

describe("the outbox", () => {
  test("asks in the background, under a key of its own, and knows the run then", async () => {
    const entry = send("Hello");
    const call = await server.call("POST /chat");
    expect(await call.body()).toEqual({ message: "Hello", chat_id: "c", background: true });
    expect(call.request.headers.get("Idempotency-Key")).toBe(entry.key);
    call.json(accept, 202);
    await untilAll("accepted");

    expect(outbox.value[0]?.runId).toBe("r1");
  });

  test("asks with the same key and body until there is an answer", async () => {
    send("Hello");
    (await server.call("POST /chat")).fail();
    (await server.call("POST /chat", 1)).json("<html>", 502);
    (await server.call("POST /chat", 2)).refuse(429, "rate_limited", { "Retry-After": "1" });
    const last = await server.call("POST /chat", 3);
    last.json(accept, 202);
    await untilAll("accepted");

    const keys = server.calls.map(({ request }) => request.headers.get("Idempotency-Key"));
    expect(new Set(keys).size).toBe(1);
    expect(await Promise.all(server.calls.map((call) => call.body()))).toEqual(Array(4).fill(await last.body()));
  });

  test("takes no answer for the server's that names no run", async () => {
    const entry = send("Hello");
    (await server.call("POST /chat")).answer(new Response(null, { status: 204 }));
    (await server.call("POST /chat", 1)).json({}, 200);
    const last = await server.call("POST /chat", 2);
    last.json(accept, 202);
    await untilAll("accepted");

    expect(last.request.headers.get("Idempotency-Key")).toBe(entry.key);
  });

  test("gives what is large the time to go out over a slow line", async () => {
    const timeout = vi.spyOn(AbortSignal, "timeout");
    send("x".repeat(800_000));
    await server.call("POST /chat");

    expect(timeout.mock.calls[0]?.[0]).toBeGreaterThan(120_000);
  });

  test("is kept before the next line runs", () => {
    const entry = send("Hello");

    expect(keptNames("outbox:")).toEqual([entry.key]);
  });

  test("goes on with what an earlier page left, oldest first and one after the other in a chat", async () => {
    closeOutbox();
    send("one");
    vi.setSystemTime(Date.now() + 1000);
    send("two");
    closeOutbox(); // the page is gone
    await openOutbox();
    const first = await server.call("POST /chat");
    expect(await first.body()).toMatchObject({ message: "one" });
    expect(server.calls).toHaveLength(1);
    first.json(accept, 202);
    const second = await server.call("POST /chat", 1);
    expect(await second.body()).toMatchObject({ message: "two" });
  });

  test("keeps what is asked while it is read", async () => {
    closeOutbox();
    const opening = openOutbox();
    send("Hello");
    await opening;
    (await server.call("POST /chat")).json(accept, 202);
    await untilAll("accepted");

    expect(outbox.value).toHaveLength(1);
  });

  test("lets chats wait for nobody but themselves", async () => {
    send("one", "a");
    send("two", "b");
    await server.call("POST /chat", 1);

    expect(server.calls).toHaveLength(2);
  });

  test("says why a message was not taken, and asks anew with another key", async () => {
    const entry = send("Hello");
    (await server.call("POST /chat")).refuse(422, "context_too_long");
    await untilAll("refused");
    const [refused] = outbox.value;
    expect(refused?.problem).toEqual({ status: 422, code: "context_too_long", detail: "context_too_long" });
    const again = refused && askAgain(refused);
    const second = await server.call("POST /chat", 1);

    expect(again?.key).not.toBe(entry.key);
    expect(second.request.headers.get("Idempotency-Key")).toBe(again?.key);
    expect(states()).toEqual(["waiting"]);
  });

  test("sends no more what was given up", async () => {
    const entry = send("Hello");
    const call = await server.call("POST /chat");
    remove(entry.key);
    call.fail();
    await vi.advanceTimersByTimeAsync(20_000);

    expect(server.calls).toHaveLength(1);
    expect(keptNames("outbox:")).toEqual([]);
  });

  test("sends no more what another tab has sent, and takes its word for it", async () => {
    const entry = send("Hello");
    const call = await server.call("POST /chat");
    const sent = { ...entry, state: "accepted", runId: "r9" };
    localStorage.setItem(`chatkeep:/:alice:outbox:${entry.key}`, JSON.stringify(sent));
    call.fail();
    await untilAll("accepted");

    expect(outbox.value[0]?.runId).toBe("r9");
    expect(server.calls).toHaveLength(1);
  });

  test("waits for a new login, and sends then", async () => {
    send("Hello");
    (await server.call("POST /chat")).refuse(401, "unauthorized");
    await until(() => session.value.state === "ended");
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.calls).toHaveLength(1);
    session.value = { state: "open", who: WHO };
    (await server.call("POST /chat", 1)).json(accept, 202);
    await untilAll("accepted");
  });

  test("sends nothing of one owner for another", async () => {
    send("Hello");
    (await server.call("POST /chat")).refuse(401, "unauthorized");
    await until(() => session.value.state === "ended");
    closeOutbox();
    keepFor("bob");
    session.value = { state: "open", who: { ...WHO, name: "bob", owner: "bob" } };
    await openOutbox();
    await vi.advanceTimersByTimeAsync(60_000);

    expect(server.calls).toHaveLength(1);
    expect(outbox.value).toEqual([]);
    expect(keptNames("outbox:")).toEqual([]);
  });

  test("does not send by itself what may have arrived a day ago, for the server has forgotten the key", async () => {
    send("Hello");
    (await server.call("POST /chat")).fail();
    closeOutbox();
    vi.setSystemTime(Date.now() + 24 * HOUR_MS);
    await openOutbox();
    await untilAll("refused");

    expect(outbox.value[0]?.problem?.code).toBe("not_sent_in_time");
    expect(server.calls).toHaveLength(1);
  });

  test.each([
    ["edit", { message_id: "m", message: "New" }, "/chat/edit/c"],
    ["regenerate", { message_id: "m" }, "/chat/regenerate/c"],
    ["continue", { message_id: "m" }, "/chat/continue/c"],
  ] as const)("asks by the route of its kind: %s", async (kind, body, path) => {
    ask("c", { kind, body } as Parameters<typeof ask>[1]);
    const call = await server.call(`POST ${path}`);

    expect(await call.body()).toEqual({ ...body, background: true });
  });
});
