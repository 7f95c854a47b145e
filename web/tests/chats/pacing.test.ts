import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Refused } from "../../src/api/client";
import { Paced } from "../../src/chats/pacing";

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
  setHidden(false);
});

function setHidden(isHidden: boolean): void {
  Object.defineProperty(document, "hidden", { value: isHidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}

test("what is asked for together is done once", async () => {
  const work = vi.fn(async () => undefined);
  const paced = new Paced(work, () => undefined);

  for (let count = 0; count < 20; count += 1) paced.ask();
  await vi.advanceTimersByTimeAsync(100);

  expect(work).toHaveBeenCalledTimes(1);
  paced.close();
});

test("what is asked for while it goes on is done once more after that", async () => {
  const ends: (() => void)[] = [];
  const work = vi.fn(() => new Promise<void>((resolve) => ends.push(resolve)));
  const paced = new Paced(work, () => undefined);

  paced.ask();
  await vi.advanceTimersByTimeAsync(100);
  paced.ask();
  await vi.advanceTimersByTimeAsync(100);
  expect(work).toHaveBeenCalledTimes(1);

  ends[0]?.();
  await vi.advanceTimersByTimeAsync(100);
  expect(work).toHaveBeenCalledTimes(2);
  paced.close();
});

test("however often it is asked for, it is done three times in nine seconds at most, and the last one comes", async () => {
  const work = vi.fn(async () => undefined);
  const paced = new Paced(work, () => undefined);

  for (let count = 0; count < 80; count += 1) {
    paced.ask();
    await vi.advanceTimersByTimeAsync(100);
  }
  expect(work).toHaveBeenCalledTimes(3);

  await vi.advanceTimersByTimeAsync(2000);
  expect(work).toHaveBeenCalledTimes(4);
  paced.close();
});

test("in a tab that nobody sees it waits until the tab is shown", async () => {
  const work = vi.fn(async () => undefined);
  const paced = new Paced(work, () => undefined);

  setHidden(true);
  paced.ask();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(work).not.toHaveBeenCalled();

  setHidden(false);
  await vi.advanceTimersByTimeAsync(100);
  expect(work).toHaveBeenCalledTimes(1);
  paced.close();
});

test("refused for a while it is done again when the server says, refused for good it is not", async () => {
  const errors = [new Refused(429, "rate_limited", "Wait.", 5000), new Refused(500, "internal_error", "Broken.", null)];
  const work = vi.fn(async () => {
    const error = errors.shift();
    if (error) throw error;
  });
  const said = vi.fn();
  const paced = new Paced(work, said);

  paced.ask();
  await vi.advanceTimersByTimeAsync(4000);
  expect(work).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(2000);
  expect(work).toHaveBeenCalledTimes(2);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(work).toHaveBeenCalledTimes(2);
  expect(said).toHaveBeenCalledTimes(2);
  paced.close();
});
