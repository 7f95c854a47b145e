import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ask, closeOutbox, openOutbox, outbox, remove } from "../../src/chat/outbox";
import { keepFor, keptNames } from "../../src/session/kept";
import { session, type Who } from "../../src/session/session";
import { FakeServer } from "../server";
import { until } from "../until";

/** The browser's database, which happy-dom has not. The test says what it does with what is to be kept. */
const database = vi.hoisted(() => ({
  kept: new Map<string, unknown>(),
  taken: (): Promise<void> => Promise.resolve(),
}));

vi.mock("idb-keyval", () => ({
  createStore: () => ({}),
  set: async (key: string, value: unknown) => {
    await database.taken();
    database.kept.set(key, value);
  },
  get: async (key: string) => database.kept.get(key),
  entries: async () => [...database.kept],
  delMany: async (keys: string[]) => {
    for (const key of keys) database.kept.delete(key);
  },
  clear: async () => database.kept.clear(),
}));

const LARGE = "long ".repeat(50_000);
const accept = { run_id: "r1", chat_id: "c", events_url: "/runs/r1/events", success: true };

let server: FakeServer;

beforeEach(async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 20 });
  vi.stubGlobal("indexedDB", {});
  server = new FakeServer();
  database.kept.clear();
  database.taken = () => Promise.resolve();
  keepFor("alice");
  session.value = { state: "open", who: { name: "alice", owner: "alice" } as Who };
  await openOutbox();
});

afterEach(() => {
  closeOutbox();
  localStorage.clear();
  vi.useRealTimers();
});

const send = (message: string) => ask("c", { kind: "send", body: { message } });

test("what the browser has no room for is sent until it arrives", async () => {
  database.taken = () => Promise.reject(new DOMException("No room.", "QuotaExceededError"));
  send(LARGE);
  (await server.call("POST /chat")).fail();
  (await server.call("POST /chat", 1)).json(accept, 202);
  await until(() => outbox.value[0]?.state === "accepted");
});

test("what is kept already and too large for a copy is given up with another tab", async () => {
  const entry = send(LARGE);
  const call = await server.call("POST /chat");
  database.kept.delete(entry.key);
  call.fail();
  await until(() => outbox.value.length === 0);

  expect(server.calls).toHaveLength(1);
});

test("what was done with before the database had an answer does not come back", async () => {
  database.taken = () => new Promise(() => undefined);
  const entry = send("Hello");
  (await server.call("POST /chat")).json(accept, 202);
  await until(() => outbox.value[0]?.state === "accepted");
  remove(entry.key);
  await vi.advanceTimersByTimeAsync(10_000);

  expect(keptNames("outbox:")).toEqual([]);
});

test("the copy goes when the database has it", async () => {
  const entry = send("Hello");
  await until(() => database.kept.has(entry.key));
  await until(() => keptNames("outbox:").length === 0);
});
