/** What Markdown means here: tokens and HTML by `marked`, with formulas. Its HTML is not safe yet: sanitise.ts. */

import { Marked, type Token } from "marked";
import remend from "remend";
import { escapeBare, escapeHtml } from "./escape";
import { masked, mathExtensions } from "./math-syntax";
import { rewritten } from "./raw-html";

export type Links = Record<string, { href: string; title?: string | null }>;

const finished = syntax(false);
const growing = syntax(true);

/** The blocks of a text; what their labels stand for is read from `links` and added to it. */
export function lexBlocks(source: string, links: Links, isLive: boolean): Token[] {
  const { Lexer, defaults } = isLive ? growing : finished;
  const lexer = new Lexer(defaults);
  Object.assign(lexer.tokens.links, links);
  const tokens = lexer.blockTokens(source, lexer.tokens);
  Object.assign(links, lexer.tokens.links);
  return tokens;
}

/** A text as tokens, down to its words. */
export function lex(source: string, links: Links, isLive: boolean): Token[] {
  const { Lexer, defaults } = isLive ? growing : finished;
  const lexer = new Lexer(defaults);
  Object.assign(lexer.tokens.links, links);
  return lexer.lex(source);
}

/** One block as HTML; unsafe. Of a block that grows, what is begun is ended. */
export function toHtml(raw: string, links: Links, isLive: boolean): string {
  const { Parser, defaults } = isLive ? growing : finished;
  return new Parser(defaults).parse(lex(isLive ? completed(raw) : raw, links, isLive));
}

/** What is begun in the text, ended. Only what cannot turn out to mean something else. */
function completed(raw: string): string {
  return remend(raw, { linkMode: "text-only", katex: false, comparisonOperators: false, singleTilde: false });
}

function syntax(canGrow: boolean): Marked {
  return new Marked({
    gfm: true,
    extensions: mathExtensions(canGrow),
    hooks: { emStrongMask: masked },
    renderer: {
      code: ({ text, lang }) => `<md-code language="${escapeHtml(languageOf(lang))}">${escapeHtml(text)}</md-code>\n`,
      image: ({ href, title, text }) =>
        `<md-image address="${escapeHtml(href)}" alt="${escapeBare(text)}" title="${escapeBare(title ?? "")}"></md-image>`,
      checkbox: ({ checked }) => `<md-task${checked ? " checked" : ""}></md-task> `,
      html: ({ text }) => rewritten(text),
      // Why: marked lets text in <kbd> or <code> through as it is.
      text(token) {
        return "tokens" in token && token.tokens ? this.parser.parseInline(token.tokens) : escapeBare(token.text);
      },
    },
  });
}

/** The first word of what stands behind a fence. */
export function languageOf(info: string | undefined): string {
  return info?.trim().split(/[\s{,]/, 1)[0] ?? "";
}
