import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { LANGUAGES } from "../../src/i18n/strings";
import { type Binding, bindings, bindKey, chooseSingleKeys, pressKey } from "../../src/keys";
import { keyNames } from "../../src/shell/key-names";

const ends: (() => void)[] = [];

function bind(keys: string[], more: Partial<Binding> = {}) {
  const run = vi.fn();
  ends.push(bindKey({ keys, group: "page", label: () => keys.join(), run, ...more }));
  return run;
}

function press(key: string, options: KeyboardEventInit = {}, target: Element = document.body): KeyboardEvent {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...options });
  target.dispatchEvent(event);
  return event;
}

beforeEach(() => addEventListener("keydown", pressKey));
afterEach(() => {
  removeEventListener("keydown", pressKey);
  for (const end of ends.splice(0)) end();
  chooseSingleKeys(true);
  document.body.replaceChildren();
});

test("a key does what is bound to it, and the browser does nothing more", () => {
  const run = bind(["n"]);
  expect(press("n").defaultPrevented).toBe(true);
  expect(run).toHaveBeenCalledOnce();
});

test("no single key does anything while somebody types, chords do", () => {
  document.body.innerHTML = "<textarea></textarea><div role=menu><button></button></div>";
  const single = bind(["n", "$mod+k"]);
  for (const field of document.querySelectorAll("textarea, button")) {
    expect(press("n", {}, field).defaultPrevented).toBe(false);
  }
  expect(single).not.toHaveBeenCalled();
  press("k", { ctrlKey: true }, document.querySelector("textarea") ?? document.body);
  expect(single).toHaveBeenCalledOnce();
});

test("single keys can be switched off, and stay off for this browser", () => {
  const run = bind(["n", "$mod+k"]);
  chooseSingleKeys(false);
  expect(localStorage.getItem("chatkeep.single-keys")).toBe("off");
  press("n");
  expect(run).not.toHaveBeenCalled();
  press("k", { ctrlKey: true });
  expect(run).toHaveBeenCalledOnce();
});

test("signs are the same key with Shift and without, letters are not", () => {
  const [sign, letter] = [bind(["?"]), bind(["n"])];
  press("?", { shiftKey: true });
  press("?");
  press("N", { shiftKey: true });
  press("n", { ctrlKey: true });
  expect(sign).toHaveBeenCalledTimes(2);
  expect(letter).not.toHaveBeenCalled();
});

test("of two with one key the later one is asked first, and may leave it to the other", () => {
  const page = bind(["Escape"]);
  let isBusy = true;
  const chat = bind(["Escape"], { isFor: () => isBusy });
  press("Escape");
  expect([page.mock.calls.length, chat.mock.calls.length]).toEqual([0, 1]);
  isBusy = false;
  press("Escape");
  expect([page.mock.calls.length, chat.mock.calls.length]).toEqual([1, 1]);
});

test("a key that somebody took, that composes a letter, or that is pressed in a dialog does nothing here", () => {
  const run = bind(["n"]);
  document.body.innerHTML = "<button></button>";
  const button = document.querySelector("button") ?? document.body;
  button.addEventListener("keydown", (event) => event.preventDefault(), { once: true });
  press("n", {}, button);
  press("n", { isComposing: true });
  document.body.innerHTML = "<dialog open></dialog>";
  press("n");
  expect(run).not.toHaveBeenCalled();
});

test("what is unbound is listed no more", () => {
  bind(["n"]);
  ends.pop()?.();
  expect(bindings.value).toEqual([]);
});

test("keys are named as they are printed on the keyboard", () => {
  expect(keyNames("$mod+Shift+o", false, LANGUAGES.en)).toEqual(["Ctrl", "Shift", "O"]);
  expect(keyNames("$mod+Shift+o", false, LANGUAGES.de)).toEqual(["Strg", "Umschalt", "O"]);
  expect(keyNames("$mod+Shift+o", true, LANGUAGES.de)).toEqual(["⌘", "⇧", "O"]);
  expect(keyNames("Alt+ArrowDown", true, LANGUAGES.en)).toEqual(["⌥", "↓"]);
  expect(keyNames("$mod+.", false, LANGUAGES.en)).toEqual(["Ctrl", "."]);
  expect(keyNames("Alt+KeyR", false, LANGUAGES.en)).toEqual(["Alt", "R"]);
});
