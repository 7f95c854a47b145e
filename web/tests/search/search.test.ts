import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  clear,
  found,
  hasMore,
  isWaiting,
  loadMore,
  problem,
  query,
  searchNow,
  tryAgain,
  type,
} from "../../src/search/search";

interface Asked {
  query: string;
  offset: number;
  signal: AbortSignal;
  answer: (total: number, status?: number) => void;
}

let asked: Asked[];

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  vi.stubGlobal("fetch", (request: Request, { signal }: { signal: AbortSignal }) => {
    const params = new URL(request.url).searchParams;
    return new Promise<Response>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      const wanted = { query: params.get("query") ?? "", offset: Number(params.get("offset")) };
      asked.push({
        ...wanted,
        signal,
        answer: (total, status = 200) => resolve(status === 200 ? page(wanted.offset, total) : refusal(status)),
      });
    });
  });
});

afterEach(() => {
  clear();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function page(offset: number, total: number): Response {
  const length = Math.min(50, total - offset);
  const results = Array.from({ length }, (_, index) => ({
    chat_id: "space",
    title: "Space",
    message_id: `msg_${offset + index}`,
    role: "user",
    snippet: "moon",
    score: 1,
    timestamp: null,
  }));
  return Response.json({ results, total, incomplete: false });
}

function refusal(status: number): Response {
  return Response.json({ code: "invalid_request", detail: "The quote at 1 is not closed." }, { status });
}

const settled = () => vi.advanceTimersByTimeAsync(1);

test("the server is asked when the typing rests, once", async () => {
  for (const text of ["m", "mo", "moo", "moon"]) {
    type(text);
    await vi.advanceTimersByTimeAsync(200);
  }
  expect(asked).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(150);

  expect(asked.map((each) => each.query)).toEqual(["moon"]);
  expect(isWaiting.value).toBe(true);
  asked[0]?.answer(3);
  await settled();
  expect([found.value?.results.length, found.value?.total, isWaiting.value]).toEqual([3, 3, false]);
});

test("an answer to what is not asked any more is cancelled, and changes nothing", async () => {
  type("moon");
  searchNow();
  type("sun");
  searchNow();
  await settled();
  asked[0]?.answer(9);
  asked[1]?.answer(2);
  await settled();

  expect(asked[0]?.signal.aborted).toBe(true);
  expect([found.value?.query, found.value?.total]).toEqual(["sun", 2]);
});

test("further results are read on from the last one, until there are no more", async () => {
  type("moon");
  searchNow();
  await settled();
  asked[0]?.answer(70);
  await settled();
  expect(hasMore.value).toBe(true);

  void loadMore();
  void loadMore();
  await settled();
  expect(asked.map(({ offset }) => offset)).toEqual([0, 50]);
  asked[1]?.answer(70);
  await settled();

  expect([found.value?.results.length, hasMore.value]).toEqual([70, false]);
});

test("a refused query is told of, keeps no old results, and is forgotten when the field is cleared", async () => {
  type('"moon');
  searchNow();
  await settled();
  asked[0]?.answer(0, 422);
  await settled();
  expect(problem.value?.message).toBe("The quote at 1 is not closed.");
  expect(found.value).toBeNull();

  clear();
  expect([problem.value, query.value]).toEqual([null, ""]);
});

test("a further page that failed is asked for again on demand, not by scrolling", async () => {
  type("moon");
  searchNow();
  await settled();
  asked[0]?.answer(70);
  await settled();
  void loadMore();
  await settled();
  asked[1]?.answer(0, 503);
  await settled();
  await loadMore();
  expect(asked).toHaveLength(2);

  tryAgain();
  await settled();
  asked[2]?.answer(70);
  await settled();
  expect(found.value?.results.length).toBe(70);
});
