/** A reply that grows, split into its top-level blocks. What cannot change any more is not read again: the cost of an
    update is that of the last blocks, however long the reply is. */

import type { Token, Tokens } from "marked";
import { type Links, languageOf, lexBlocks } from "./syntax";

export type Block =
  | { kind: "markdown"; raw: string }
  | { kind: "code"; raw: string; language: string; text: string }
  /** Too deeply nested to be read: shown as it is. */
  | { kind: "plain"; raw: string };

interface Placed {
  block: Block;
  start: number;
  tokens: Token[];
}

/** A code block that has no end yet: until it has, every line is its own. */
interface OpenFence {
  bodyStart: number;
  end: RegExp;
  /** Where the first line begins that may still become its end. */
  lineStart: number;
}

const FENCE = /^(`{3,}|~{3,})[^\n]*(?:\n|$)/;
const BLANK_LINE_AT_END = /\n[ \t]*\n[ \t]*$/;
const BLANK_LOOKBEHIND = 200; // characters; blank lines are short

export class ReplyBlocks {
  /** All blocks, in order. The first `settledCount` will never change, unless the text is replaced. */
  blocks: Block[] = [];
  settledCount = 0;
  /** What the labels of reference links stand for. */
  links: Links = {};

  #source = "";
  #isLive = false;
  #settledEnd = 0;
  #settledLinks: Links = {};
  #fence: OpenFence | null = null;

  /** Returns the first block that may be another than before. */
  update(text: string, isLive: boolean): number {
    const source = text.includes("\r") ? text.replace(/\r\n?/g, "\n") : text;
    const hasGrown = source.startsWith(this.#source);
    if (!hasGrown && !source.startsWith(this.#source.slice(0, this.#settledEnd))) this.#forget();
    const first = this.settledCount;
    const isFenceOpen = hasGrown && isLive && this.#isLive && this.#staysOpen(source);
    this.#source = source;
    this.#isLive = isLive;
    if (isFenceOpen) this.#growFence();
    else this.#readTail();
    return first;
  }

  #forget(): void {
    this.settledCount = 0;
    this.#settledEnd = 0;
    this.#settledLinks = {};
  }

  #readTail(): void {
    const tail = this.#source.slice(this.#settledEnd);
    const links = { ...this.#settledLinks };
    const placed = this.#placed(tail, links);
    this.#fence = null;
    this.links = links;
    this.blocks.length = this.settledCount;
    this.blocks.push(...placed.map(({ block }) => block));
    this.#settle(placed);
    const last = placed.at(-1);
    if (this.#isLive && last?.block.kind === "code") this.#openFence(last);
  }

  #placed(tail: string, links: Links): Placed[] {
    try {
      const tokens = lexBlocks(tail, links, this.#isLive);
      if (this.#isLive) withoutUnfinished(tokens, links, this.#settledLinks);
      return grouped(tokens, this.#settledEnd);
    } catch (error) {
      if (!(error instanceof RangeError)) throw error; // the stack is full
      return [{ block: { kind: "plain", raw: tail }, start: this.#settledEnd, tokens: [] }];
    }
  }

  /** The last two blocks may still change, and those that no empty line parts from them. */
  #settle(placed: Placed[]): void {
    for (let count = placed.length - 2; count > 0; count--) {
      const start = placed[count]?.start ?? 0;
      if (!this.#isBlankBefore(start) || !this.#isPlacedAt(placed, count)) continue;
      for (const { tokens } of placed.slice(0, count)) collectLinks(tokens, this.#settledLinks);
      this.settledCount += count;
      this.#settledEnd = start;
      return;
    }
  }

  #isBlankBefore(position: number): boolean {
    return BLANK_LINE_AT_END.test(this.#source.slice(Math.max(0, position - BLANK_LOOKBEHIND), position));
  }

  /** Whether marked's tokens are the text, letter by letter: it may have joined or changed some. */
  #isPlacedAt(placed: Placed[], count: number): boolean {
    return placed.slice(0, count).every(({ block, start }) => this.#source.startsWith(block.raw, start));
  }

  #openFence({ block, start }: Placed): void {
    const found = FENCE.exec(block.raw);
    const marker = found?.[1];
    if (!found || !marker || block.kind !== "code") return;
    const end = new RegExp(`^ {0,3}${marker}[\`~]* *$`);
    const fence = { bodyStart: start + found[0].length, end, lineStart: start + found[0].length };
    if (!found[0].endsWith("\n") || !this.#isOpen(fence, this.#source)) return;
    this.#fence = fence;
    this.#growFence();
  }

  #staysOpen(source: string): boolean {
    return this.#fence !== null && this.#isOpen(this.#fence, source);
  }

  /** Reads only lines that were not read before. */
  #isOpen(fence: OpenFence, source: string): boolean {
    for (;;) {
      const lineEnd = source.indexOf("\n", fence.lineStart);
      const line = source.slice(fence.lineStart, lineEnd < 0 ? undefined : lineEnd);
      if (fence.end.test(line)) return false;
      if (lineEnd < 0) return true;
      fence.lineStart = lineEnd + 1;
    }
  }

  #growFence(): void {
    const last = this.blocks.at(-1);
    if (last?.kind !== "code" || !this.#fence) return;
    const { bodyStart, lineStart } = this.#fence;
    // What may become the fence's end is not shown before it is known to be none.
    const isEndBegun = /^ {0,3}[`~]+$/.test(this.#source.slice(lineStart));
    const body = this.#source.slice(bodyStart, isEndBegun ? lineStart : undefined);
    const text = body.endsWith("\n") ? body.slice(0, -1) : body;
    this.blocks[this.blocks.length - 1] = { ...last, raw: this.#source.slice(bodyStart), text };
  }
}

/** The tokens as blocks. From <details> to its end is one block, as one cannot be inside the other otherwise. */
function grouped(tokens: Token[], offset: number): Placed[] {
  const placed: Placed[] = [];
  const leading: Token[] = [];
  let position = offset;
  let openDetails = 0;
  for (const token of tokens) {
    const start = position;
    position += token.raw.length;
    const group = openDetails > 0 ? placed.at(-1) : undefined;
    if (token.type === "html") openDetails = Math.max(0, openDetails + detailsBalance(token.raw));
    if (group) {
      group.block = { kind: "markdown", raw: group.block.raw + token.raw };
      group.tokens.push(token);
    } else if (token.type === "def" || token.type === "space") {
      (placed.at(-1)?.tokens ?? leading).push(token);
    } else {
      placed.push({ block: blockOf(token), start, tokens: [...leading.splice(0), token] });
    }
  }
  return placed;
}

function blockOf(token: Token): Block {
  if (token.type !== "code") return { kind: "markdown", raw: token.raw };
  const { raw, lang, text } = token as Tokens.Code;
  return { kind: "code", raw, language: languageOf(lang), text };
}

function detailsBalance(html: string): number {
  return (html.match(/<details\b/gi)?.length ?? 0) - (html.match(/<\/details\b/gi)?.length ?? 0);
}

/** A definition that the text ends in is left out, as its address still grows: each step would change every block. */
function withoutUnfinished(tokens: Token[], links: Links, settled: Links): void {
  const last = tokens.at(-1);
  if (last?.type !== "def" || last.raw.endsWith("\n")) return;
  const { tag } = last as Tokens.Def;
  const isDefinedBefore =
    tag in settled || tokens.some((other) => other !== last && other.type === "def" && other.tag === tag);
  if (!isDefinedBefore) delete links[tag];
}

/** The first definition of a label is the one that holds. */
function collectLinks(tokens: readonly Token[], links: Links): void {
  for (const token of tokens) {
    if (token.type === "def") {
      const { tag, href, title } = token as Tokens.Def;
      if (!(tag in links)) links[tag] = { href, title };
    }
    if (token.type === "list") collectLinks((token as Tokens.List).items, links);
    else if ("tokens" in token && token.tokens) collectLinks(token.tokens, links);
  }
}
