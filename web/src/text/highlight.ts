/** Code as coloured nodes. highlight.js makes HTML; of that only spans with a class and text are taken. */

type Library = typeof import("./highlight-library");

const MOST = 200_000; // characters; more would hold the page up for a moment
const PIECE = /<span class="([\w -]*)">|<\/span>|&(amp|lt|gt|quot|#x27);|([^<&]+|[<&])/g;
const CHARACTERS: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };

let loading: Promise<Library> | null = null;

/** The code's nodes; null for a language that is not known, or if the library cannot be had now. */
export async function highlighted(code: string, language: string): Promise<DocumentFragment | null> {
  if (language === "" || code.length > MOST) return null;
  loading ??= import("./highlight-library");
  try {
    const html = await (await loading).highlight(code, language);
    return html === null ? null : nodesOf(html);
  } catch {
    loading = null;
    return null;
  }
}

export function nodesOf(html: string): DocumentFragment {
  const fragment = document.createDocumentFragment();
  let place: Node = fragment;
  let text = "";
  const endText = () => {
    if (text !== "") place.appendChild(document.createTextNode(text));
    text = "";
  };
  for (const [piece, classes, entity, plain] of html.matchAll(PIECE)) {
    if (plain !== undefined) text += plain;
    else if (entity !== undefined) text += CHARACTERS[entity] ?? "";
    else {
      endText();
      if (piece === "</span>") place = place.parentNode ?? fragment;
      else place = place.appendChild(spanOf(classes ?? ""));
    }
  }
  endText();
  return fragment;
}

function spanOf(classes: string): HTMLElement {
  const span = document.createElement("span");
  span.className = classes;
  return span;
}
