/** A block of code: its language, a button that copies it, and the code itself, which scrolls inside. It grows by what
    is added, and is coloured in idle time. */

import { t } from "../i18n/i18n";
import { copyText } from "../ui/clipboard";
import { CodeText } from "./code-text";
import { highlighted } from "./highlight";

export interface CodeContent {
  language: string;
  text: string;
  /** More of it may come. */
  isGrowing: boolean;
}

const COLOUR_EVERY_MS = 300; // at most, while it grows
const COLOUR_REST_FACTOR = 25; // of the time, one part in so many at most goes into colours while it grows
const COLOURED_WHILE_GROWING = 20_000; // characters; a longer one is coloured when it is whole
const COPIED_SHOWN_MS = 2000;

export class CodeBlock {
  readonly #language = document.createElement("span");
  readonly #scroller = document.createElement("pre");
  readonly #code = document.createElement("code");
  readonly #text = new CodeText(this.#code);
  #content: CodeContent = { language: "", text: "", isGrowing: false };
  #isColouring = false;
  #tookMs = 0;

  constructor(host: HTMLElement) {
    const header = document.createElement("div");
    header.append(this.#language, ...copyButton(() => this.#content.text));
    this.#scroller.tabIndex = 0;
    this.#scroller.dir = "ltr";
    this.#scroller.setAttribute("role", "group");
    this.#scroller.append(this.#code);
    host.replaceChildren(header, this.#scroller);
    this.#name("");
  }

  show(content: CodeContent): void {
    const hasLanguageChanged = content.language !== this.#content.language;
    this.#content = content;
    this.#text.show(content.text);
    if (hasLanguageChanged) {
      this.#name(content.language);
      this.#text.fade();
    }
    if (!this.#text.isColoured) this.#colourSoon();
  }

  #name(language: string): void {
    this.#language.textContent = language;
    this.#scroller.setAttribute("aria-label", language === "" ? t.peek().code : t.peek().codeIn(language));
  }

  #colourSoon(): void {
    if (this.#isColouring || !this.#isToBeColoured()) return;
    this.#isColouring = true;
    const rest = Math.max(COLOUR_EVERY_MS, this.#tookMs * COLOUR_REST_FACTOR);
    setTimeout(() => whenIdle(() => void this.#colour()), this.#content.isGrowing ? rest : 0);
  }

  #isToBeColoured(): boolean {
    const { language, text, isGrowing } = this.#content;
    return language !== "" && !(isGrowing && text.length > COLOURED_WHILE_GROWING);
  }

  async #colour(): Promise<void> {
    const { language, text } = this.#content;
    const begun = performance.now();
    const html = this.#isToBeColoured() && !this.#isSelected() ? await highlighted(text, language) : null;
    this.#isColouring = false;
    if (html !== null && this.#content.language === language && this.#content.text.startsWith(text)) {
      this.#text.colour(html, text);
      this.#tookMs = performance.now() - begun;
    }
    if (this.#content.text !== text) this.#colourSoon();
  }

  /** Why: new nodes would take the selection away. */
  #isSelected(): boolean {
    const selection = this.#content.isGrowing ? document.getSelection() : null;
    return selection?.type === "Range" && selection.containsNode(this.#code, true);
  }
}

function copyButton(text: () => string): HTMLElement[] {
  const outcome = document.createElement("span");
  outcome.setAttribute("role", "status");
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = t.peek().copy;
  button.setAttribute("aria-label", t.peek().copyCode);
  button.addEventListener("click", async () => {
    outcome.textContent = (await copyText(text())) ? t.peek().copied : t.peek().copyFailed;
    setTimeout(() => {
      outcome.textContent = "";
    }, COPIED_SHOWN_MS);
  });
  return [outcome, button];
}

/** Workaround: Safari has no requestIdleCallback. */
function whenIdle(work: () => void): void {
  if (typeof requestIdleCallback === "function") requestIdleCallback(work, { timeout: 1000 });
  else setTimeout(work, 50);
}
