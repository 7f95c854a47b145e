import { expect, test } from "vitest";
import { costText, countText, durationText, priceText, rateText, sizeText } from "../../src/providers/formats";

/** Without the kinds of blanks that Intl chooses. */
function plain(text: string): string {
  return text.replace(/[\u00a0\u202f]/g, " ");
}

test.each([
  [0, "0 ms"],
  [380.4, "380 ms"],
  [999.6, "1.0 s"],
  [12_440, "12.4 s"],
  [59_960, "1 min 0 s"],
  [200_000, "3 min 20 s"],
])("%d ms is written %s", (ms, text) => {
  expect(plain(durationText(ms, "en"))).toBe(text);
});

test.each([
  [0, "$0.00"],
  [0.00042, "$0.00042"],
  [0.1, "$0.10"],
  [0.9951, "$1.00"],
  [12.345, "$12.35"],
])("a cost of %d dollars is written %s", (usd, text) => {
  expect(costText(usd, "en")).toBe(text);
});

test("numbers follow the language", () => {
  expect(countText(1234, "en")).toBe("1,234");
  expect(countText(1234, "de")).toBe("1.234");
  expect(rateText(42.34, "de")).toBe("42,3");
  expect(rateText(142.6, "en")).toBe("143");
  expect(plain(priceText(0.075, "de"))).toBe("0,075 $");
  expect(priceText(2.5, "en")).toBe("$2.50");
  expect(sizeText(128_000, "en")).toBe("128K");
  expect(plain(durationText(1500, "de"))).toBe("1,5 s");
});
