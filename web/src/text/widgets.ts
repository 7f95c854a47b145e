/** What sanitised HTML only names, made: code blocks, formulas, pictures, boxes of tasks, tables that scroll. */

import { CodeBlock, type CodeContent } from "./code-block";
import { FormulaView } from "./formula";
import type { Kept } from "./morph";
import { PictureView } from "./picture";
import { letScroll } from "./scrollable";
import { markTask } from "./task";

/** What stands in an element with a name of ours, and is told when its element would be another now. */
interface Widget {
  become(wanted: Element, isGrowing: boolean): void;
}

const HOSTS = "md-code, md-image, md-math, md-table, md-task";
const widgets = new WeakMap<Element, Widget>();
const scrolling = new WeakSet<Element>();

/** Make every widget below `root` that is not there yet. */
export function furnish(root: Element, isGrowing: boolean): void {
  for (const host of root.querySelectorAll<HTMLElement>(HOSTS)) {
    if (host.localName === "md-table") letTableScroll(host);
    else if (!widgets.has(host)) install(host, isGrowing);
  }
}

/** Tells `morphChildren` that widgets see to themselves. */
export function kept(isGrowing: boolean): Kept {
  return {
    take(live, wanted) {
      const widget = widgets.get(live);
      widget?.become(wanted, isGrowing);
      return widget !== undefined;
    },
  };
}

/** The code block that is all there is in `parent`. */
export function codeHost(parent: Element): CodeBlock {
  const host = parent.firstElementChild;
  const found = host && widgets.get(host);
  if (found instanceof CodeWidget) return found.block;
  const made = document.createElement("md-code");
  const widget = new CodeWidget(made);
  widgets.set(made, widget);
  parent.replaceChildren(made);
  return widget.block;
}

/** What a widget has read is taken off its element: from then on only the widget knows. */
function install(host: HTMLElement, isGrowing: boolean): void {
  const wanted = host.cloneNode(true) as HTMLElement;
  for (const name of host.getAttributeNames()) host.removeAttribute(name);
  const widget = widgetIn(host);
  widget.become(wanted, isGrowing);
  widgets.set(host, widget);
}

function widgetIn(host: HTMLElement): Widget {
  switch (host.localName) {
    case "md-code":
      return new CodeWidget(host);
    case "md-math":
      return new FormulaView(host);
    case "md-image":
      return new PictureView(host);
    default:
      return { become: (wanted) => markTask(host, wanted) };
  }
}

class CodeWidget implements Widget {
  readonly block: CodeBlock;

  constructor(host: HTMLElement) {
    this.block = new CodeBlock(host);
  }

  become(wanted: Element, isGrowing: boolean): void {
    this.block.show(contentOf(wanted, isGrowing));
  }
}

function contentOf(element: Element, isGrowing: boolean): CodeContent {
  return { language: element.getAttribute("language") ?? "", text: element.textContent ?? "", isGrowing };
}

function letTableScroll(host: HTMLElement): void {
  if (scrolling.has(host)) return;
  scrolling.add(host);
  letScroll(host, "table");
}
