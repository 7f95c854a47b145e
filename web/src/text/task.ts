/** The box of a task in a list: it only shows, nobody can tick it. */

import { t } from "../i18n/i18n";

export function markTask(host: HTMLElement, wanted: Element): void {
  const isDone = wanted.hasAttribute("checked");
  host.toggleAttribute("checked", isDone);
  host.setAttribute("role", "img");
  host.setAttribute("aria-label", isDone ? t.peek().taskDone : t.peek().taskOpen);
}
