/** A formula. Its source is shown until KaTeX is there, while it is still being written, and if KaTeX cannot read it. */

import { letScroll } from "./scrollable";

type Typeset = (tex: string, isDisplay: boolean) => Node | null;

let typeset: Typeset | null = null;
let loading: Promise<void> | null = null;

export class FormulaView {
  #shown = "";

  constructor(private readonly host: HTMLElement) {}

  become(wanted: Element): void {
    const tex = wanted.textContent ?? "";
    const isDisplay = wanted.hasAttribute("display");
    const isPending = wanted.hasAttribute("pending");
    const now = `${isDisplay} ${isPending} ${tex}`;
    if (now === this.#shown) return;
    this.#shown = now;
    this.host.removeAttribute("source");
    this.host.toggleAttribute("display", isDisplay);
    if (isDisplay) letScroll(this.host, "formula");
    this.#showSource(tex);
    if (isPending) return;
    if (typeset) this.#typeset(tex, isDisplay, typeset);
    else void load().then(() => typeset && now === this.#shown && this.#typeset(tex, isDisplay, typeset));
  }

  #showSource(tex: string): void {
    if (this.host.textContent !== tex || this.host.firstElementChild) this.host.textContent = tex;
    this.host.toggleAttribute("source", true);
  }

  #typeset(tex: string, isDisplay: boolean, render: Typeset): void {
    const node = render(tex, isDisplay);
    if (!node) return;
    this.host.replaceChildren(node);
    this.host.removeAttribute("source");
  }
}

/** A failed load is tried again by the next formula. */
function load(): Promise<void> {
  loading ??= import("./katex").then(
    (library) => {
      typeset = library.typeset;
    },
    () => {
      loading = null;
    },
  );
  return loading;
}
