/** KaTeX with its style and fonts: a chunk of its own, loaded with the first formula. */

import * as library from "katex";
import "katex/dist/katex.min.css";

/** What KaTeX makes of a formula, before it is nodes. KaTeX's own `render` sets some styles as attributes, which the
    page's policy refuses; so they are taken out here, and set by script. */
interface Drawn {
  attributes?: Record<string, string>;
  children?: Drawn[];
  toNode(): Node;
}

const OPTIONS = { throwOnError: true, trust: false, strict: "ignore", output: "htmlAndMathml" } as const;
const LARGEST_EM = 50; // a rule or space of more would cover the page
const STYLE = "data-style";

/** The formula as nodes; null if it cannot be read. */
export function typeset(tex: string, displayMode: boolean): Node | null {
  try {
    const drawn = draw(tex, { ...OPTIONS, displayMode, maxSize: LARGEST_EM });
    setStylesAside(drawn);
    const node = drawn.toNode();
    if (node instanceof Element) restoreStyles(node);
    return node;
  } catch {
    return null;
  }
}

const { __renderToDomTree: draw } = library as unknown as {
  __renderToDomTree(tex: string, options: object): Drawn;
};

function setStylesAside({ attributes, children }: Drawn): void {
  if (attributes?.style !== undefined) {
    attributes[STYLE] = attributes.style;
    delete attributes.style;
  }
  for (const child of children ?? []) setStylesAside(child);
}

function restoreStyles(root: Element): void {
  for (const element of root.querySelectorAll<HTMLElement>(`[${STYLE}]`)) {
    element.style.cssText += element.getAttribute(STYLE) ?? "";
    element.removeAttribute(STYLE);
  }
}
