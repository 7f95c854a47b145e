import { beforeEach, describe, expect, test, vi } from "vitest";
import { answerOf, api, Refused, Unreachable } from "../../src/api/client";
import { FakeServer } from "../server";

let server: FakeServer;

beforeEach(() => {
  server = new FakeServer();
});

const ask = (signal?: AbortSignal) =>
  answerOf(api.GET("/runs", signal ? { signal } : {})).catch((error: unknown) => error);

describe("a call", () => {
  test("gives what the server answers", async () => {
    const answer = ask();
    (await server.call("GET /runs")).json({ runs: [], success: true });

    expect(await answer).toEqual({ runs: [], success: true });
  });

  test("is refused in the server's words", async () => {
    const answer = ask();
    (await server.call("GET /runs")).refuse(429, "rate_limited", { "Retry-After": "7" });

    const error = await answer;
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ status: 429, code: "rate_limited", retryAfterMs: 7000, isPassing: true });
  });

  test.each([
    [502, true],
    [504, true],
    [429, true],
    [413, false],
    [403, false],
  ])("is refused by a proxy: %i, which passes: %s", async (status, isPassing) => {
    const answer = ask();
    const html = new Response("<html>", { status, headers: { "Content-Type": "text/html" } });
    (await server.call("GET /runs")).answer(html);

    expect(await answer).toMatchObject({ status, code: `http_${status}`, isPassing });
  });

  test("that is not answered leaves everything open", async () => {
    const answer = ask();
    (await server.call("GET /runs")).fail();

    expect(await answer).toBeInstanceOf(Unreachable);
  });

  test("whose answer is no JSON is as good as not answered", async () => {
    const answer = ask();
    (await server.call("GET /runs")).answer(new Response("<html>log in to this network", { status: 200 }));

    expect(await answer).toBeInstanceOf(Unreachable);
  });

  test("ends with who asked", async () => {
    const abort = new AbortController();
    const answer = ask(abort.signal);
    await server.call("GET /runs");
    abort.abort();

    expect(await answer).toMatchObject({ name: "AbortError" });
  });
});

test("nobody waits for ever", async () => {
  // AbortSignal.timeout knows no fake clock.
  const timeout = vi
    .spyOn(AbortSignal, "timeout")
    .mockReturnValue(AbortSignal.abort(new DOMException("", "TimeoutError")));

  expect(await ask()).toBeInstanceOf(Unreachable);
  expect(timeout).toHaveBeenCalledWith(30_000);
});
