/** HTML that stands in Markdown, written anew: known tags with their known attributes, and everything else as text, since
    `Vec<T>` is no HTML. What comes out is still sanitised; but without this the browser would report each handler and
    style in it to the page's policy, while the sanitiser takes it apart. */

import { escapeBare } from "./escape";
import { attributesOf, isKnownTag } from "./sanitise";

const NAME = "[^\\s\"'<>/=`\\0]+";
const VALUE = "\"[^\"]*\"|'[^']*'|[^\\s\"'=<>`]+";
const PIECE = new RegExp(
  `<!--[\\s\\S]*?(?:-->|$)|<(/?)([a-z][a-z0-9]*)((?:\\s+${NAME}(?:\\s*=\\s*(?:${VALUE}))?)*)\\s*/?>|<`,
  "gi",
);
const ATTRIBUTE = new RegExp(`(${NAME})(?:\\s*=\\s*(${VALUE}))?`, "g");

export function rewritten(html: string): string {
  return html.replace(PIECE, (piece, slash?: string, name?: string, attributes?: string) => {
    if (piece.startsWith("<!--")) return "";
    if (name === undefined) return "&lt;";
    return tag(name.toLowerCase(), slash === "/", attributes ?? "") ?? `&lt;${escapeBare(piece.slice(1))}`;
  });
}

/** Null for a tag that is not known. */
function tag(name: string, isEnd: boolean, attributes: string): string | null {
  if (name === "img") return isEnd ? "" : picture(attributes);
  if (!isKnownTag(name)) return null;
  if (isEnd) return `</${name}>`;
  const known = attributesOf(name);
  return `<${name}${written([...read(attributes)].filter(([attribute]) => known.includes(attribute)))}>`;
}

function picture(attributes: string): string {
  const { src = "", alt = "" } = Object.fromEntries(read(attributes));
  return `<md-image${written([
    ["address", src],
    ["alt", alt],
  ])}></md-image>`;
}

/** Each attribute once; the first one counts, as in a browser. */
function read(attributes: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const [, name = "", value = ""] of attributes.matchAll(ATTRIBUTE)) {
    const key = name.toLowerCase();
    if (!found.has(key)) found.set(key, /^["']/.test(value) ? value.slice(1, -1) : value);
  }
  return found;
}

function written(attributes: Iterable<readonly [string, string]>): string {
  return [...attributes].map(([name, value]) => ` ${name}="${escapeBare(value)}"`).join("");
}
