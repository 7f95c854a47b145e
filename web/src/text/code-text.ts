/** The text of a code block in the document, in parts of some lines each: where it grows or gets its colours, only the
    parts that change are laid out and painted again. */

import { setText } from "./morph";

const LINES_OF_A_PART = 40;
/** All that highlight.js writes: spans with classes, and text. */
const PIECE = /<span class="([\w -]*)">|<\/span>|&(amp|lt|gt|quot|#x27);|(\n)|([^<&\n]+|[<&])/g;
const CHARACTERS: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#x27": "'" };

export class CodeText {
  #shown = "";
  #colouredLength = 0;
  /** What is not coloured: the end of the last part. */
  #rest = document.createTextNode("");
  #restLines = 0;

  constructor(private readonly code: HTMLElement) {
    code.replaceChildren(newPart(this.#rest));
  }

  get isColoured(): boolean {
    return this.#colouredLength === this.#shown.length;
  }

  show(text: string): void {
    if (!text.startsWith(this.#shown)) this.#begin();
    this.#grow(text.slice(this.#shown.length));
    this.#shown = text;
  }

  /** Without colours. */
  fade(): void {
    const text = this.#shown;
    this.#begin();
    this.show(text);
  }

  /** Give what is shown the colours in `html`, which highlight.js made of its beginning `text`. */
  colour(html: string, text: string): void {
    const parts = partsOf(html);
    const before = [...this.code.children];
    for (const [at, part] of parts.entries()) {
      const old = before[at];
      if (!old) this.code.append(part);
      else if (!old.isEqualNode(part)) old.replaceWith(part);
    }
    for (const old of before.slice(parts.length)) old.remove();
    this.#colouredLength = text.length;
    this.#rest = document.createTextNode("");
    this.#restLines = countLines(this.code.lastElementChild?.textContent ?? "");
    (this.code.lastElementChild ?? this.code.appendChild(newPart())).append(this.#rest);
    this.#grow(this.#shown.slice(text.length));
  }

  #begin(): void {
    this.#shown = "";
    this.#colouredLength = 0;
    this.#restLines = 0;
    this.#rest = document.createTextNode("");
    this.code.replaceChildren(newPart(this.#rest));
  }

  #grow(added: string): void {
    let rest = added;
    for (;;) {
      const end = endOfLine(rest, LINES_OF_A_PART - this.#restLines);
      const taken = end < 0 ? rest : rest.slice(0, end);
      if (taken !== "") setText(this.#rest, this.#rest.data + taken);
      this.#restLines += countLines(taken);
      if (end < 0 || end === rest.length) return;
      rest = rest.slice(end);
      this.#rest = document.createTextNode("");
      this.#restLines = 0;
      this.code.append(newPart(this.#rest));
    }
  }
}

function partsOf(html: string): Element[] {
  const parts = new Parts();
  for (const [piece, classes, entity, lineEnd, plain] of html.matchAll(PIECE)) {
    if (plain !== undefined) parts.write(plain);
    else if (lineEnd !== undefined) parts.endLine();
    else if (entity !== undefined) parts.write(CHARACTERS[entity] ?? "");
    else if (piece === "</span>") parts.close();
    else parts.open(classes ?? "");
  }
  return parts.end();
}

/** Builds parts; a span that goes on in the next part is opened again there. */
class Parts {
  readonly #parts: Element[] = [];
  readonly #open: string[] = [];
  #text = "";
  #lines = 0;
  #place: Element = this.#begin();

  write(text: string): void {
    this.#endFullPart();
    this.#text += text;
  }

  endLine(): void {
    this.write("\n");
    this.#lines += 1;
  }

  open(classes: string): void {
    this.#endFullPart();
    this.#flush();
    this.#open.push(classes);
    this.#place = this.#place.appendChild(spanOf(classes));
  }

  close(): void {
    this.#flush();
    this.#open.pop();
    this.#place = this.#place.parentElement ?? this.#place;
  }

  end(): Element[] {
    this.#flush();
    return this.#parts;
  }

  #endFullPart(): void {
    if (this.#lines < LINES_OF_A_PART) return;
    this.#flush();
    this.#place = this.#begin();
    for (const classes of this.#open) this.#place = this.#place.appendChild(spanOf(classes));
  }

  #begin(): Element {
    const part = newPart();
    this.#parts.push(part);
    this.#lines = 0;
    return part;
  }

  #flush(): void {
    if (this.#text !== "") this.#place.append(this.#text);
    this.#text = "";
  }
}

function newPart(...content: Node[]): HTMLElement {
  const part = document.createElement("span");
  part.className = "part";
  part.append(...content);
  return part;
}

function spanOf(classes: string): HTMLElement {
  const span = document.createElement("span");
  span.className = classes;
  return span;
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) count += 1;
  return count;
}

/** Where so many lines of the text end; -1 if it has fewer. */
function endOfLine(text: string, count: number): number {
  let at = 0;
  for (let line = 0; line < count; line++) {
    at = text.indexOf("\n", at) + 1;
    if (at === 0) return -1;
  }
  return at;
}
