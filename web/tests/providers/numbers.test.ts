import { expect, test } from "vitest";
import { numberIn } from "../../src/providers/numbers";

test.each([
  ["0.7", 0.1, 0.7],
  ["0,7", 0.1, 0.7],
  ["1.", 0.1, 1],
  ["  ", 0.1, null],
  ["2.1", 0.1, undefined],
  ["-1", 0.1, undefined],
  ["1e1", 0.1, undefined],
  ["much", 0.1, undefined],
  ["1.5", 1, undefined],
])("%j in steps of %d is read as %s", (text, step, number) => {
  expect(numberIn(text, 0, 2, step)).toBe(number);
});
