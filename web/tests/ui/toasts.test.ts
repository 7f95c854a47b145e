import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { dismiss, hold, release, say, toasts } from "../../src/ui/toasts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  for (const { id } of toasts.value) dismiss(id);
  vi.useRealTimers();
});

test("a toast goes by itself, one with something to do later", () => {
  say("Copied.");
  say("Deleted.", { action: { label: "Undo", run: () => undefined } });
  vi.advanceTimersByTime(6000);
  expect(toasts.value.map(({ text }) => text)).toEqual(["Deleted."]);
  vi.advanceTimersByTime(6000);
  expect(toasts.value).toEqual([]);
});

test("a toast stays for as long as somebody is at it, and then for its whole time", () => {
  say("Copied.");
  const id = toasts.value[0]?.id ?? 0;
  hold(id);
  vi.advanceTimersByTime(60_000);
  expect(toasts.value).toHaveLength(1);
  release(id);
  vi.advanceTimersByTime(5999);
  expect(toasts.value).toHaveLength(1);
  vi.advanceTimersByTime(1);
  expect(toasts.value).toEqual([]);
});

test("no more than three are shown", () => {
  for (const text of ["1", "2", "3", "4"]) say(text);
  expect(toasts.value.map(({ text }) => text)).toEqual(["2", "3", "4"]);
});
