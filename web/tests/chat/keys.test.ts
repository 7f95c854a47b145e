import { expect, it } from "vitest";
import { meaningOf, type Typed } from "../../src/chat/keys";

const none = { shiftKey: false, ctrlKey: false, metaKey: false, altKey: false, isComposing: false, keyCode: 13 };
const enter = (more: Partial<Typed> = {}): Typed => ({ key: "Enter", ...none, ...more });

it("Enter sends, and with Shift it breaks the line", () => {
  expect(meaningOf(enter(), false)).toBe("send");
  expect(meaningOf(enter({ shiftKey: true }), false)).toBe("break");
});

it("Enter breaks the line where there is no Shift to hold", () => {
  expect(meaningOf(enter(), true)).toBe("break");
  expect(meaningOf(enter({ ctrlKey: true }), true)).toBe("send");
});

it("Enter that ends a composition of an input method is none", () => {
  expect(meaningOf(enter({ isComposing: true }), false)).toBeNull();
  expect(meaningOf(enter({ keyCode: 229 }), false)).toBeNull();
});

it("Escape cancels, and other keys are typed", () => {
  expect(meaningOf(enter({ key: "Escape" }), false)).toBe("cancel");
  expect(meaningOf(enter({ key: "a" }), false)).toBeNull();
});
