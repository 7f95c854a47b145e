import "./node-names";
import { render } from "preact";
import { act } from "preact/test-utils";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { chosenLanguage } from "../../src/i18n/i18n";
import { Markdown } from "../../src/text/Markdown";

let place: HTMLElement;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  place = document.createElement("div");
  document.body.replaceChildren(place);
});

afterEach(() => {
  vi.useRealTimers();
  chosenLanguage.value = null;
});

function show(source: string, isLive: boolean): void {
  void act(() => render(<Markdown source={source} isLive={isLive} />, place));
}

test("A reply that comes faster than it can be read is shown some times a second, with all that has come", () => {
  show("One", true);
  show("One two", true);
  expect(place.textContent).toBe("One\n");
  void act(() => {
    vi.advanceTimersByTime(1000);
  });
  expect(place.textContent).toBe("One two\n");
});

test("The end of a reply is shown at once", () => {
  show("One", true);
  show("One **two**", false);
  expect(place.querySelector("strong")?.textContent).toBe("two");
});

test("Another language names the buttons anew", () => {
  show("```js\nx\n```", false);
  expect(place.querySelector("button")?.textContent).toBe("Copy");
  void act(() => {
    chosenLanguage.value = "de";
  });
  expect(place.querySelector("button")?.textContent).toBe("Kopieren");
});
