/** Markdown without its marks, for where only text can stand. */

import type { Token, Tokens } from "marked";
import { rewritten } from "./raw-html";
import { lex } from "./syntax";

/** Blocks are parted by an empty line, items of lists have a dash or their number, cells a tab. */
export function plainText(source: string): string {
  return blocksText(lex(source.replace(/\r\n?/g, "\n"), {}, false));
}

function blocksText(tokens: readonly Token[]): string {
  return tokens
    .filter(({ type }) => type !== "space" && type !== "def")
    .map(blockText)
    .join("\n\n");
}

function blockText(token: Token): string {
  switch (token.type) {
    case "list":
      return (token as Tokens.List).items.map((item, at) => itemText(item, at, token as Tokens.List)).join("\n");
    case "table":
      return tableText(token as Tokens.Table);
    case "blockquote":
      return blocksText(token.tokens ?? []);
    case "hr":
      return "---";
    default:
      return inlineText(token);
  }
}

function itemText(item: Tokens.ListItem, at: number, list: Tokens.List): string {
  const mark = list.ordered ? `${Number(list.start) + at}. ` : "- ";
  const parts = item.tokens.filter(({ type }) => type !== "space" && type !== "checkbox").map(blockText);
  const box = item.task ? `[${item.checked ? "x" : " "}] ` : "";
  return mark + box + parts.join("\n").replaceAll("\n", `\n${" ".repeat(mark.length)}`);
}

function tableText({ header, rows }: Tokens.Table): string {
  return [header, ...rows].map((row) => row.map(({ tokens }) => tokens.map(inlineText).join("")).join("\t")).join("\n");
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", nbsp: "\u00a0" };

function inlineText(token: Token): string {
  if (token.type === "html") return htmlText(token as Tokens.HTML);
  if (token.type === "br") return "\n";
  if (token.type === "math" || token.type === "mathBlock") return (token as Tokens.Generic).tex;
  if ("tokens" in token && token.tokens && token.type !== "image") return token.tokens.map(inlineText).join("");
  const text = "text" in token ? String(token.text) : "";
  return token.type === "text" ? decoded(text) : text;
}

function htmlText({ raw, block }: Tokens.HTML): string {
  const text = decoded(
    rewritten(raw)
      .replace(/<br>/g, "\n")
      .replace(/<[^>]*>/g, ""),
  );
  return block ? text.trim() : text;
}

function decoded(text: string): string {
  return text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_, name) => ENTITIES[name] ?? "");
}
