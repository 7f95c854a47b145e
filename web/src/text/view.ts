/** A reply in the document: one element for each block, changed only where its text has. */

import { type Block, ReplyBlocks } from "./blocks";
import { morphChildren } from "./morph";
import { sanitised } from "./sanitise";
import { type Links, toHtml } from "./syntax";
import { codeHost, furnish, kept } from "./widgets";

interface Shown {
  element: HTMLElement;
  kind: Block["kind"];
  text: string;
  isGrowing: boolean;
}

export class ReplyView {
  readonly #blocks = new ReplyBlocks();
  readonly #shown: Shown[] = [];
  #linksShown = "{}";

  constructor(private readonly root: HTMLElement) {}

  update(source: string, isLive: boolean): void {
    let first = this.#blocks.update(source, isLive);
    const { blocks, links } = this.#blocks;
    const linksNow = JSON.stringify(links);
    const haveLinksChanged = linksNow !== this.#linksShown;
    this.#linksShown = linksNow;
    if (haveLinksChanged) first = 0;
    for (const [offset, block] of blocks.slice(first).entries()) {
      const at = first + offset;
      this.#show(at, block, isLive && at === blocks.length - 1, haveLinksChanged);
    }
    for (const { element } of this.#shown.splice(blocks.length)) element.remove();
  }

  #show(at: number, block: Block, isGrowing: boolean, haveLinksChanged: boolean): void {
    const before = this.#shown[at];
    const text = block.kind === "code" ? block.text : block.raw;
    const isSame = before?.kind === block.kind && before.text === text && before.isGrowing === isGrowing;
    const mayHoldLink = haveLinksChanged && block.raw.includes("[");
    if (isSame && !mayHoldLink && block.kind !== "code") return;
    const shown = before?.kind === block.kind ? before : this.#placeAt(at, block.kind);
    shown.text = text;
    shown.isGrowing = isGrowing;
    fill(shown.element, block, this.#blocks.links, isGrowing);
  }

  #placeAt(at: number, kind: Block["kind"]): Shown {
    const element = document.createElement("div");
    element.dir = "auto";
    const before = this.#shown[at];
    if (before) before.element.replaceWith(element);
    else this.root.append(element);
    const shown: Shown = { element, kind, text: "", isGrowing: false };
    this.#shown[at] = shown;
    return shown;
  }
}

function fill(element: HTMLElement, block: Block, links: Links, isGrowing: boolean): void {
  if (block.kind === "code") {
    codeHost(element).show({ language: block.language, text: block.text, isGrowing });
  } else if (block.kind === "plain") {
    element.textContent = block.raw;
  } else {
    morphChildren(element, contentOf(block.raw, links, isGrowing), kept(isGrowing));
    furnish(element, isGrowing);
  }
}

function contentOf(raw: string, links: Links, isGrowing: boolean): Node {
  try {
    return sanitised(toHtml(raw, links, isGrowing));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error; // nested so deeply that the stack is full
    const fragment = document.createDocumentFragment();
    fragment.append(raw);
    return fragment;
  }
}
