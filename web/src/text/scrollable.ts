/** What is wider than its place scrolls in it, and can then be reached by keyboard: WCAG 2.2, 2.1.1. */

import { t } from "../i18n/i18n";

type Label = "table" | "formula";

const labels = new WeakMap<Element, Label>();
const observer = typeof ResizeObserver === "undefined" ? null : new ResizeObserver(onResize);

/** A stop of the Tab key for `element`, as long as its content is wider than itself. */
export function letScroll(element: HTMLElement, label: Label): void {
  labels.set(element, label);
  observer?.observe(element);
}

function onResize(entries: ResizeObserverEntry[]): void {
  const found = entries.map(({ target }) => ({ target, isWide: target.scrollWidth > target.clientWidth + 1 }));
  for (const { target, isWide } of found) setStop(target, isWide);
}

function setStop(element: Element, isWide: boolean): void {
  if (isWide) {
    element.setAttribute("tabindex", "0");
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", t.peek()[labels.get(element) ?? "table"]);
  } else {
    for (const name of ["tabindex", "role", "aria-label"]) element.removeAttribute(name);
  }
}
