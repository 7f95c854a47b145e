import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { isOnline, listen, liveRuns, onChatNews, onReturn, providers } from "../../src/live/status-feed";

class FakeSocket {
  static all: FakeSocket[] = [];
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  isClosed = false;

  constructor() {
    FakeSocket.all.push(this);
  }

  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.onclose?.();
  }

  say(message: object): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

const STATUS = { type: "status", providers: [{ name: "p", state: "HEALTHY", error: null }], default: "p" };
const running = (run_id: string, state = "running") => ({ type: "generation_stats", run_id, chat_id: "c", state });

let ended: AbortController;
const breaks = vi.fn();
const socket = () => FakeSocket.all[FakeSocket.all.length - 1] as FakeSocket;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", FakeSocket);
  FakeSocket.all = [];
  isOnline.value = null;
  ended = new AbortController();
  void listen(ended.signal, breaks);
});

afterEach(() => {
  ended.abort();
  vi.useRealTimers();
});

describe("the status feed", () => {
  test("knows how the providers are, and the runs that go on", () => {
    socket().say(STATUS);
    socket().say({ type: "state_change", provider: "p", old: "HEALTHY", new: "UNHEALTHY", error: "gone" });
    socket().say(running("r1"));
    socket().say(running("r2"));
    socket().say(running("r1", "completed"));

    expect(providers.value).toMatchObject([{ name: "p", state: "UNHEALTHY", error: "gone" }]);
    expect([...liveRuns.value.keys()]).toEqual(["r2"]);
  });

  test("comes back after a break, tells so, and shows no run that may have ended meanwhile", async () => {
    const returned = vi.fn();
    const end = onReturn(returned);
    socket().say(STATUS);
    socket().say(running("r1"));
    socket().close();
    await vi.advanceTimersByTimeAsync(0);
    expect([isOnline.value, liveRuns.value.size, breaks.mock.calls.length]).toEqual([false, 0, 1]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(FakeSocket.all).toHaveLength(2);
    expect(returned).not.toHaveBeenCalled();
    socket().say(STATUS);
    end();

    expect(isOnline.value).toBe(true);
    expect(returned).toHaveBeenCalledOnce();
  });

  test("gives up a line that says nothing for longer than the server is ever silent", async () => {
    socket().say(STATUS);
    await vi.advanceTimersByTimeAsync(40_000);
    expect(FakeSocket.all).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(15_000);

    expect(FakeSocket.all).toHaveLength(2);
  });

  test("waits for no word of a line that it gave up, and hears nothing of it after that", async () => {
    socket().say(STATUS);
    const gone = socket();
    const [close, message] = [gone.onclose, gone.onmessage];
    gone.close = () => undefined; // the browser waits for the server
    await vi.advanceTimersByTimeAsync(55_000);
    expect(FakeSocket.all).toHaveLength(2);
    socket().say(STATUS);
    socket().say(running("r1"));
    gone.onclose?.();
    gone.onmessage?.({ data: JSON.stringify(running("r0")) });
    await vi.advanceTimersByTimeAsync(0);

    expect([close, message]).not.toContain(null);
    expect(isOnline.value).toBe(true);
    expect([...liveRuns.value.keys()]).toEqual(["r1"]);
  });

  test("tells of chats that change", () => {
    const news = vi.fn();
    const end = onChatNews(news);
    socket().say({ type: "chat", chat_id: "c", change: "deleted" });
    end();
    socket().say({ type: "chat", chat_id: "d", change: "deleted" });

    expect(news.mock.calls).toEqual([[{ type: "chat", chat_id: "c", change: "deleted" }]]);
  });

  test("ends for good", async () => {
    ended.abort();
    await vi.advanceTimersByTimeAsync(60_000);

    expect(FakeSocket.all).toHaveLength(1);
    expect(socket().isClosed).toBe(true);
  });
});
