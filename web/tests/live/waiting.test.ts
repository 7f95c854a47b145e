import { describe, expect, test, vi } from "vitest";
import { Refused, Unreachable } from "../../src/api/client";
import { endPauses, pause, waitAfter, waitMs } from "../../src/live/waiting";

describe("waitMs", () => {
  test("doubles from half a second to ten, a quarter more or less", () => {
    expect([1, 2, 3, 4, 5, 6, 50].map((tries) => waitMs(tries, 0.5))).toEqual([
      500, 1000, 2000, 4000, 8000, 10_000, 10_000,
    ]);
    expect([waitMs(1, 0), waitMs(1, 0.999999)].map(Math.round)).toEqual([375, 625]);
  });
});

describe("waitAfter", () => {
  test("is what the server asks for", () => {
    expect(waitAfter(new Refused(429, "rate_limited", "", 7000), 1)).toBe(7000);
  });

  test.each([
    new Refused(409, "conflict", "", null),
    new Refused(422, "http_422", "", null),
    new TypeError("a mistake"),
  ])("raises what does not pass: %s", (error) => {
    expect(() => waitAfter(error, 1)).toThrow(error);
  });

  test.each([new Unreachable(""), new Refused(502, "http_502", "", null), new Refused(429, "http_429", "", null)])(
    "waits for what passes: %s",
    (error) => {
      expect(waitAfter(error, 1)).toBeGreaterThan(0);
    },
  );
});

describe("pause", () => {
  test("ends with news of the server, of the network, or of the reader", async () => {
    const never = new AbortController().signal;
    const paused = [pause(1e6, never), pause(1e6, never)];
    endPauses();
    await Promise.all(paused);
    const again = pause(1e6, never);
    dispatchEvent(new Event("online"));
    await again;
    const hidden = pause(1e6, never);
    document.dispatchEvent(new Event("visibilitychange"));
    await hidden;
  });

  test("is raised out of by an abort, and leaves no timer", async () => {
    vi.useFakeTimers();
    const abort = new AbortController();
    const paused = pause(1000, abort.signal);
    abort.abort();
    await expect(paused).rejects.toMatchObject({ name: "AbortError" });
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });
});
