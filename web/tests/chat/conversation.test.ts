import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Conversation } from "../../src/chat/conversation";
import { closeOutbox, openOutbox, outbox } from "../../src/chat/outbox";
import { listen } from "../../src/live/status-feed";
import { keepFor } from "../../src/session/kept";
import { session, type Who } from "../../src/session/session";
import { event, FakeServer, settled } from "../server";
import { until } from "../until";

const DONE = { finish_reason: "stop", state: "completed", message_id: "a1" };
const HISTORY = "GET /chat/history/c";

/** The one WebSocket; the test speaks for the server. */
class FakeSocket {
  static now: FakeSocket;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;

  constructor() {
    FakeSocket.now = this;
  }

  close(): void {
    this.onclose?.();
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

let server: FakeServer;
let conversation: Conversation;
let ended: AbortController;

beforeEach(async () => {
  vi.useFakeTimers({ shouldAdvanceTime: true, advanceTimeDelta: 20 });
  vi.stubGlobal("WebSocket", FakeSocket);
  server = new FakeServer();
  keepFor("alice");
  session.value = { state: "open", who: { name: "alice", owner: "alice" } as Who };
  ended = new AbortController();
  void listen(ended.signal, () => undefined);
  FakeSocket.now.say({ type: "status", providers: [], default: null });
  await openOutbox();
  conversation = new Conversation("c");
});

afterEach(() => {
  conversation.close();
  ended.abort();
  closeOutbox();
  localStorage.clear();
  vi.useRealTimers();
});

const message = (id: string, role: string, content: string, run_id: string) => ({ id, role, content, run_id });
const turn = (number: number, run: string) => [
  message(`q${number}`, "user", `question ${number}`, run),
  message(`a${number}`, "assistant", `answer ${number}`, run),
];

function history(messages: object[], active: object | null = null, more: object = {}) {
  const shown = { title: "A chat", revision: messages.length, messages, has_more: false, system_prompt: "", ...more };
  return { chat_id: "c", history: shown, active_run: active, success: true };
}

const active = (run_id: string, response: string, last_event_id: number) => ({
  run_id,
  state: "running",
  message_id: `a-${run_id}`,
  message: "asked",
  response,
  last_event_id,
  events_url: "",
});

const ids = () => conversation.messages.value.map(({ id }) => id);

async function loaded(answer: object): Promise<void> {
  const number = server.all(HISTORY).length;
  const done = conversation.load();
  (await server.call(HISTORY, number)).json(answer);
  await done;
}

const stats = (run_id: string, state: string) => ({ type: "generation_stats", run_id, chat_id: "c", state });

describe("a conversation", () => {
  test("goes on with a reply exactly where the history has it", async () => {
    await loaded(history(turn(1, "r1"), active("r2", "half ", 4)));
    const follow = await server.call("GET /runs/r2/events?after=4");
    follow.open();
    follow.send(event(5, "delta", { text: "and " }) + event(6, "delta", { text: "half" }));
    await until(() => conversation.live.value?.text.value === "half and half");
    follow.send(event(7, "done", DONE));
    (await server.call(HISTORY, 1)).json(history([...turn(1, "r1"), ...turn(2, "r2")]));
    await until(() => conversation.live.value === null);

    expect(ids()).toEqual(["q1", "a1", "q2", "a2"]);
    expect(conversation.endings.value.get("r2")).toMatchObject({ type: "done" });
  });

  test("shows the stored reply in the same moment in which it takes the live one away", async () => {
    await loaded(history([], active("r1", "", 0)));
    const seen: [number, boolean][] = [];
    const { effect } = await import("@preact/signals");
    const end = effect(() => {
      seen.push([conversation.messages.value.length, conversation.live.value !== null]);
    });
    const follow = await server.call("GET /runs/r1/events");
    follow.open();
    follow.send(event(1, "done", DONE));
    (await server.call(HISTORY, 1)).json(history(turn(1, "r1")));
    await until(() => conversation.live.value === null);
    end();

    expect(seen).toEqual([
      [0, true],
      [2, false],
    ]);
  });

  test("sends, follows what the server has taken, and then has nothing left in the outbox", async () => {
    await loaded(history(turn(1, "r1")));
    conversation.send({ text: "question 2", images: [] }, {});
    (await server.call("POST /chat")).json({ run_id: "r2", chat_id: "c", events_url: "", success: true }, 202);
    const follow = await server.call("GET /runs/r2/events?after=-1");
    expect(conversation.live.value?.question?.text).toBe("question 2");
    expect(conversation.pending.value).toEqual([]);
    follow.open();
    follow.send(event(0, "start", { run_id: "r2", message_id: "a2" }) + event(1, "done", DONE));
    (await server.call(HISTORY, 1)).json(history([...turn(1, "r1"), ...turn(2, "r2")]));
    await until(() => conversation.live.value === null);

    expect(outbox.value).toEqual([]);
  });

  test("answers a second question after the first, also when the history is read in between", async () => {
    await loaded(history(turn(1, "r1"), active("r2", "", 0)));
    conversation.send({ text: "later", images: [] }, {});
    (await server.call("POST /chat")).json({ run_id: "r3", chat_id: "c", events_url: "", success: true }, 202);
    await until(() => conversation.pending.value[0]?.state === "accepted");
    expect(conversation.live.value?.runId).toBe("r2");
    const follow = await server.call("GET /runs/r2/events");
    follow.open();
    follow.send(event(1, "done", DONE));
    (await server.call(HISTORY, 1)).json(history([...turn(1, "r1"), ...turn(2, "r2")]));
    await until(() => conversation.live.value?.runId === "r3");

    expect(conversation.live.value?.question?.text).toBe("later");
    expect(conversation.pending.value).toEqual([]);
  });

  test("asks once for what is asked once: a second click on regenerate is none", async () => {
    await loaded(history(turn(1, "r1")));

    expect(conversation.regenerate("a1", {})).not.toBeNull();
    expect(conversation.regenerate("a1", {})).toBeNull();
    expect(conversation.continueReply("a1", {})).toBeNull();
  });

  test("reads the history once for a run that another tab began, however often it is told of it", async () => {
    await loaded(history(turn(1, "r1")));
    for (let times = 0; times < 5; times += 1) FakeSocket.now.say(stats("r2", "running"));
    (await server.call(HISTORY, 1)).json(history(turn(1, "r1"), active("r2", "x", 1)));
    await until(() => conversation.live.value?.runId === "r2");
    FakeSocket.now.say(stats("r2", "running"));
    await settled();

    expect(server.all(HISTORY)).toHaveLength(2);
  });

  test("reads the history when another tab has changed the chat, and not when it has that revision", async () => {
    await loaded(history(turn(1, "r1")));
    FakeSocket.now.say({ type: "chat", chat_id: "c", change: "saved", title: "Renamed", revision: 2 });
    FakeSocket.now.say({ type: "chat", chat_id: "d", change: "saved", title: "Other", revision: 9 });
    await settled();
    expect(conversation.title.value).toBe("Renamed");
    expect(server.all(HISTORY)).toHaveLength(1);
    FakeSocket.now.say({ type: "chat", chat_id: "c", change: "saved", title: "Renamed", revision: 3 });
    (await server.call(HISTORY, 1)).json(history(turn(2, "r2")));
    await until(() => ids().includes("a2"));
  });

  test("keeps what it shows while the server is away, and reads again when it is back", async () => {
    await loaded(history(turn(1, "r1")));
    FakeSocket.now.close();
    await vi.advanceTimersByTimeAsync(1000);
    FakeSocket.now.say({ type: "status", providers: [], default: null });
    (await server.call(HISTORY, 1)).fail();
    await until(() => conversation.problem.value !== null);
    expect(conversation.state.value).toBe("ready");
    expect(ids()).toEqual(["q1", "a1"]);
    (await server.call(HISTORY, 2)).json(history([...turn(1, "r1"), ...turn(2, "r2")]));
    await until(() => conversation.problem.value === null);

    expect(ids()).toHaveLength(4);
  });

  test("a first load that fails is tried again by itself, and at once for who asks", async () => {
    void conversation.load();
    (await server.call(HISTORY)).refuse(429, "rate_limited", { "Retry-After": "3600" });
    await until(() => conversation.state.value === "failed");
    conversation.tryAgain();
    (await server.call(HISTORY, 1)).json(history(turn(1, "r1")));
    await until(() => conversation.state.value === "ready");
  });

  test("what does not pass is not tried again", async () => {
    const done = conversation.load();
    (await server.call(HISTORY)).refuse(500, "chat_unreadable");
    await done;
    await vi.advanceTimersByTimeAsync(60_000);

    expect(conversation.state.value).toBe("failed");
    expect(server.all(HISTORY)).toHaveLength(1);
  });

  test("a chat that the server does not have is a new one", async () => {
    const done = conversation.load();
    (await server.call(HISTORY)).refuse(404, "chat_not_found");
    await done;

    expect(conversation.state.value).toBe("new");
  });

  test("a run whose events are gone ends, and is not asked for without a pause", async () => {
    await loaded(history(turn(1, "r1"), active("r2", "x", 1)));
    (await server.call("GET /runs/r2/events")).refuse(410, "run_expired");
    (await server.call(HISTORY, 1)).json(history(turn(1, "r1"), active("r2", "xyz", 3)));
    const again = await server.call("GET /runs/r2/events?after=3");
    expect(conversation.live.value?.text.value).toBe("xyz");
    again.refuse(410, "run_expired");
    await until(() => conversation.live.value?.state.value === "ended");
    const before = server.calls.length;
    await vi.advanceTimersByTimeAsync(500);

    expect(server.calls.length).toBe(before);
  });

  test("what is asked for while a load goes on is read once more, and once", async () => {
    const loads = [conversation.load(), conversation.load(), conversation.load()];
    (await server.call(HISTORY)).json(history([]));
    (await server.call(HISTORY, 1)).json(history(turn(1, "r1")));
    await Promise.all(loads);

    expect(ids()).toEqual(["q1", "a1"]);
    expect(server.all(HISTORY)).toHaveLength(2);
  });

  test("reads older messages once for all who ask at the same time", async () => {
    await loaded(history(turn(2, "r2"), null, { has_more: true }));
    const older = [conversation.loadOlder(), conversation.loadOlder()];
    (await server.call(`${HISTORY}?before=q2`)).json(history(turn(1, "r1")));
    await Promise.all(older);

    expect(ids()).toEqual(["q1", "a1", "q2", "a2"]);
    expect(conversation.hasOlder.value).toBe(false);
    await loaded(history([...turn(2, "r2"), ...turn(3, "r3")], null, { has_more: true }));
    expect(ids()).toEqual(["q1", "a1", "q2", "a2", "q3", "a3"]);
    expect(conversation.hasOlder.value).toBe(false);
  });

  test("a hidden tab lets go of its stream after a while, and catches up", async () => {
    await loaded(history([], active("r1", "", 0)));
    const follow = await server.call("GET /runs/r1/events?after=0");
    follow.open();
    follow.send(event(1, "delta", { text: "one " }));
    await until(() => conversation.live.value?.lastEventId === 1);
    show(false);
    await vi.advanceTimersByTimeAsync(15_000);
    follow.send(": ping\n\n");
    await vi.advanceTimersByTimeAsync(14_000);
    expect(follow.isAborted).toBe(false);
    await vi.advanceTimersByTimeAsync(2000);
    expect(follow.isAborted).toBe(true);
    show(true);
    const again = await server.call("GET /runs/r1/events?after=1");
    again.open();
    again.send(event(2, "delta", { text: "two" }));
    await until(() => conversation.live.value?.text.value === "one two");
  });

  test("a hidden tab that has let go of its stream takes the rest when it hears that the run has ended", async () => {
    await loaded(history([], active("r1", "", 0)));
    const follow = await server.call("GET /runs/r1/events?after=0");
    follow.open();
    show(false);
    await vi.advanceTimersByTimeAsync(20_000);
    follow.send(": ping\n\n");
    await vi.advanceTimersByTimeAsync(11_000);
    expect(follow.isAborted).toBe(true);
    FakeSocket.now.say(stats("r1", "completed"));
    const again = await server.call("GET /runs/r1/events", 1);
    again.open();
    again.send(event(1, "done", DONE));
    (await server.call(HISTORY, 1)).json(history(turn(1, "r1")));
    await until(() => conversation.live.value === null);
    show(true);
  });

  test("a message without an id does not keep older ones from being read", async () => {
    const nameless = { role: "system", content: "Be brief." };
    await loaded(history([nameless, ...turn(2, "r2")], null, { has_more: true }));
    const older = conversation.loadOlder();
    (await server.call(`${HISTORY}?before=q2`)).json(history([...turn(1, "r1"), nameless]));
    await older;

    expect(ids()).toEqual(["q1", "a1", undefined, "q2", "a2"]);
  });

  test("messages of which none has an id end what can be read", async () => {
    await loaded(history([{ role: "user", content: "Hello" }], null, { has_more: true }));
    await conversation.loadOlder();

    expect(conversation.hasOlder.value).toBe(false);
  });

  test("a reply that waits goes on waiting when the stop does not reach the server", async () => {
    await loaded(history(turn(1, "r1")));
    conversation.send({ text: "question 2", images: [] }, {});
    (await server.call("POST /chat")).json({ run_id: "r2", chat_id: "c", events_url: "", success: true }, 202);
    await until(() => conversation.live.value?.state.value === "queued");
    const stopped = conversation.stop();
    (await server.call("POST /runs/r2/stop")).fail();
    await expect(stopped).rejects.toThrow();

    expect(conversation.live.value?.state.value).toBe("queued");
  });

  test("a stop that does not reach the server leaves the reply as it is", async () => {
    await loaded(history([], active("r1", "x", 0)));
    const stopped = conversation.stop();
    expect(conversation.live.value?.state.value).toBe("stopping");
    (await server.call("POST /runs/r1/stop")).fail();
    await expect(stopped).rejects.toThrow();

    expect(conversation.live.value?.state.value).toBe("running");
  });

  test("asks for nothing more when it is closed", async () => {
    await loaded(history(turn(1, "r1"), active("r2", "x", 1)));
    const follow = await server.call("GET /runs/r2/events");
    void conversation.load();
    const load = await server.call(HISTORY, 1);
    conversation.close();
    expect([follow.isAborted, load.isAborted]).toEqual([true, true]);
    FakeSocket.now.say(stats("r9", "running"));
    await vi.advanceTimersByTimeAsync(60_000);

    expect(server.calls).toHaveLength(3);
  });
});

function show(isShown: boolean): void {
  Object.defineProperty(document, "hidden", { configurable: true, value: !isShown });
  document.dispatchEvent(new Event("visibilitychange"));
}
