/** Formulas in Markdown: `$…$`, `$$…$$`, `\(…\)`, `\[…\]`. Prices are no formulas, and code has none. */

import type { TokenizerAndRendererExtension, TokenizerStartFunction, Tokens } from "marked";
import { escapeHtml } from "./escape";

export interface Formula {
  raw: string;
  tex: string;
  isDisplay: boolean;
  /** Begun, and not ended by where the text ends: more may come. */
  isPending: boolean;
}

/** No formula goes over an empty line or has a backtick, so what begins one by mistake ends with its paragraph. */
const BODY = "(?:(?!\\n[ \\t]*\\n)[^`])";
const LONGEST = 10_000; // characters; bounds what a stray opening costs

const CLOSED: readonly [pattern: RegExp, isDisplay: boolean][] = [
  [new RegExp(`^\\$\\$(?!\\$)(${BODY}{1,${LONGEST}}?)\\$\\$(?!\\$)`), true],
  [new RegExp(`^\\\\\\[(${BODY}{1,${LONGEST}}?)\\\\\\](?!\\()`), true],
  [new RegExp(`^\\\\\\((${BODY}{1,${LONGEST}}?)\\\\\\)`), false],
];
const OPENING = /^(?:\$\$(?!\$)|\\\[|\\\()/;
const PENDING = new RegExp(`^(?:\\$\\$(?!\\$)|\\\\\\[|\\\\\\()(${BODY}*)$`);

/** As in Pandoc: no space inside the dollars, and no digit after the second. */
const DOLLARS = /^\$(?![\s$])((?:\\[^\n]|(?!\n[ \t]*\n)[^$`\\]){1,1000}?)(?<!\s)\$(?![\d$])/;
/** "$5 million and 10$" */
const MONEY = /^\d[\d.,]*\s+[a-z]{2}|^\d[\d.,]*[kmb]?\s*(?:-|to|–)?\s*$/i;
const PRICE_BEFORE = /^[\p{L}\p{N}]\$(?!\$)/u;
const PREFIXED = /[\p{L}\p{N}]/u;

/** The formula that `text` begins with; one without an end only if `canGrow`. */
export function formulaAt(text: string, canGrow: boolean): Formula | undefined {
  if (OPENING.test(text)) return delimited(text, canGrow);
  const found = DOLLARS.exec(text);
  if (!found?.[1] || MONEY.test(found[1])) return undefined;
  return { raw: found[0], tex: found[1], isDisplay: false, isPending: false };
}

function delimited(text: string, canGrow: boolean): Formula | undefined {
  for (const [pattern, isDisplay] of CLOSED) {
    const found = pattern.exec(text);
    if (found?.[1]?.trim()) return { raw: found[0], tex: found[1].trim(), isDisplay, isPending: false };
  }
  const begun = canGrow && text.length < LONGEST ? PENDING.exec(text) : null;
  if (!begun) return undefined;
  return { raw: begun[0], tex: begun[1]?.trim() ?? "", isDisplay: !text.startsWith("\\("), isPending: true };
}

/** The text with every formula of its own overwritten, so that no `*` or `_` in one is taken for emphasis. */
export function masked(text: string): string {
  if (!text.includes("$") && !text.includes("\\")) return text;
  let result = "";
  for (let at = 0; at < text.length; ) {
    const character = text.charAt(at);
    const isStart = (character === "$" && !PREFIXED.test(text.charAt(at - 1))) || character === "\\";
    const formula = isStart ? formulaAt(text.slice(at), false) : undefined;
    const length = formula?.raw.length ?? (character === "\\" ? 2 : 1);
    result += formula ? "a".repeat(length) : text.slice(at, at + length);
    at += length;
  }
  return result;
}

const BLOCK_START = /(?:^|\n)( {0,3})(?=\$\$|\\\[)/;
const BLOCK_END = /^[ \t]*(?:\n|$)/;

/** What `marked` takes: formulas as blocks and among words. Those without an end only if `canGrow`. */
export function mathExtensions(canGrow: boolean): TokenizerAndRendererExtension[] {
  return [
    {
      name: "mathBlock",
      level: "block",
      start: startOfBlock,
      tokenizer: (text) => blockFormula(text, canGrow),
      renderer: (token) => `${formulaHtml(token)}\n`,
    },
    { name: "price", level: "inline", start: startOfDollar, tokenizer: price },
    {
      name: "math",
      level: "inline",
      tokenizer(text) {
        const formula = formulaAt(text, canGrow);
        return formula && { type: "math", ...formula };
      },
      renderer: formulaHtml,
    },
  ];
}

const startOfBlock: TokenizerStartFunction = (text) => {
  const found = BLOCK_START.exec(text);
  return found ? found.index + (found[0].startsWith("\n") ? 1 : 0) : undefined;
};

/** `marked` ends a text at a backslash by itself. */
const startOfDollar: TokenizerStartFunction = (text) => {
  const at = text.indexOf("$");
  return at > 0 && PREFIXED.test(text.charAt(at - 1)) ? at - 1 : at;
};

/** The letter and the dollar of `US$5`, which begin no formula. */
function price(text: string): Tokens.Text | undefined {
  const raw = PRICE_BEFORE.exec(text)?.[0];
  return raw === undefined ? undefined : { type: "text", raw, text: raw };
}

function blockFormula(text: string, canGrow: boolean): Tokens.Generic | undefined {
  const indent = /^ {0,3}(?=\$\$|\\\[)/.exec(text)?.[0];
  if (indent === undefined) return undefined;
  const formula = formulaAt(text.slice(indent.length), canGrow);
  if (!formula) return undefined;
  const end = BLOCK_END.exec(text.slice(indent.length + formula.raw.length));
  return end ? { type: "mathBlock", ...formula, raw: indent + formula.raw + end[0] } : undefined;
}

function formulaHtml(token: Tokens.Generic): string {
  const { tex, isDisplay, isPending } = token as unknown as Formula;
  return `<md-math${isDisplay ? " display" : ""}${isPending ? " pending" : ""}>${escapeHtml(tex)}</md-math>`;
}
