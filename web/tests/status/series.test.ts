import { expect, test } from "vitest";
import type { Point } from "../../src/status/history";
import { countsPerMinute, figuresOverTime, medianOf, summaryOf } from "../../src/status/series";

function point(at: number, provider: string, options: Partial<Point> = {}): Point {
  return { at, provider, tokensPerSecond: 10, firstTokenMs: 100, outcome: "replied", ...options };
}

test("each provider has a line of its own over one axis of time", () => {
  const points = [
    point(1000, "a", { tokensPerSecond: 5 }),
    point(2000, "b", { tokensPerSecond: 7 }),
    point(3000, "a", { tokensPerSecond: null }),
  ];
  const series = figuresOverTime(points, (each) => each.tokensPerSecond);
  expect(series.times).toEqual([1, 2]);
  expect([...series.values]).toEqual([
    ["a", [5, null]],
    ["b", [null, 7]],
  ]);
});

test("a minute in which nothing happened counts none", () => {
  const points = [point(10_000, "a"), point(20_000, "a"), point(190_000, "b")];
  const series = countsPerMinute(points, () => true, 200_000, 60);
  expect(series.times).toEqual([0, 60, 120, 180]);
  expect([...series.values]).toEqual([
    ["a", [2, 0, 0, 0]],
    ["b", [0, 0, 0, 1]],
  ]);
});

test("of a long time the latest minutes are shown", () => {
  const series = countsPerMinute([point(0, "a"), point(6_000_000, "a")], () => true, 6_000_000, 3);
  expect(series.times).toEqual([5880, 5940, 6000]);
  expect(series.values.get("a")).toEqual([0, 0, 1]);
});

test("a provider is summed up by its medians, a reply that failed being no reply", () => {
  const points = [
    point(1, "a", { tokensPerSecond: 1 }),
    point(2, "a", { tokensPerSecond: 9 }),
    point(3, "a", { tokensPerSecond: null, firstTokenMs: null, outcome: "failed" }),
  ];
  expect(summaryOf(points)).toEqual([{ provider: "a", replies: 2, errors: 1, tokensPerSecond: 5, firstTokenMs: 100 }]);
});

test("without any figure there is no median", () => {
  expect(medianOf([null])).toBeNull();
  expect(medianOf([3, 1, 2])).toBe(2);
});
