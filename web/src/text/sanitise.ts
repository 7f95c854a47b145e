/** HTML made safe: what may stay of it is listed here, and nothing else does. The result is nodes, never a string that
    would be parsed once more. No <img> is among them: pictures are <md-image>, which picture.ts shows. */

import DOMPurify from "dompurify";

const TAGS = (
  "a abbr b bdi bdo blockquote br cite code dd del details dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i ins kbd li mark ol p " +
  "pre q rp rt ruby s samp small span strong sub summary sup table tbody td tfoot th thead tr u ul var wbr"
).split(" ");
/** Ours: widgets.ts makes them into what they stand for. */
const HOSTS = ["md-code", "md-image", "md-math", "md-table", "md-task"];

const ATTRIBUTES: Record<string, readonly string[]> = {
  a: ["href", "title"],
  abbr: ["title"],
  bdo: ["dir"],
  details: ["open"],
  "md-code": ["language"],
  "md-image": ["address", "alt", "title"],
  "md-math": ["display", "pending"],
  "md-task": ["checked"],
  ol: ["start"],
  td: ["align"],
  th: ["align"],
};
const ATTRIBUTE_NAMES = [...new Set(Object.values(ATTRIBUTES).flat())];
const LINK_PROTOCOLS = new Set(["http:", "https:", "mailto:"]);
const KNOWN_TAGS = new Set(TAGS);

/** Whether a tag that somebody wrote is read as one. */
export function isKnownTag(name: string): boolean {
  return KNOWN_TAGS.has(name);
}

/** The attributes that a tag may have. */
export function attributesOf(name: string): readonly string[] {
  return ATTRIBUTES[name] ?? [];
}

const purify = DOMPurify(window);
purify.setConfig({
  ALLOWED_TAGS: [...TAGS, ...HOSTS, "body", "#text"], // the body is what DOMPurify itself puts the text in
  ALLOWED_ATTR: ATTRIBUTE_NAMES,
  ADD_URI_SAFE_ATTR: ATTRIBUTE_NAMES.filter((name) => name !== "href"),
  ALLOWED_URI_REGEXP: /^(?:https?|mailto):/i,
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  RETURN_DOM_FRAGMENT: true,
});
purify.addHook("uponSanitizeAttribute", (node, attribute) => {
  attribute.keepAttr = attributesOf(node.localName).includes(attribute.attrName);
});
purify.addHook("afterSanitizeAttributes", (node) => {
  if (node.localName === "a") guardLink(node);
});

/** The safe nodes of an HTML text: headings below those of the page, tables that can be scrolled, no picture in a link. */
export function sanitised(html: string): DocumentFragment {
  // Null where a <frameset> has taken the body's place.
  const fragment = (purify.sanitize(html) as unknown as DocumentFragment | null) ?? document.createDocumentFragment();
  for (const heading of fragment.querySelectorAll("h1, h2, h3, h4, h5, h6")) lower(heading);
  for (const table of fragment.querySelectorAll("table")) wrap(table);
  for (const image of fragment.querySelectorAll("a md-image")) moveBehindLink(image);
  return fragment;
}

/** The address of a link that may be followed; null for every other. */
export function safeAddress(address: string): URL | null {
  const url = URL.canParse(address) ? new URL(address) : null;
  return url && LINK_PROTOCOLS.has(url.protocol) ? url : null;
}

function guardLink(link: Element): void {
  const url = safeAddress(link.getAttribute("href") ?? "");
  if (!url) {
    link.removeAttribute("href");
    return;
  }
  link.setAttribute("href", url.href);
  link.setAttribute("target", "_blank");
  link.setAttribute("rel", "noopener noreferrer nofollow");
}

/** The page has the first two levels for itself. */
function lower(heading: Element): void {
  const level = Math.min(Number(heading.localName.slice(1)) + 2, 6);
  const lowered = heading.ownerDocument.createElement(`h${level}`);
  lowered.append(...heading.childNodes);
  heading.replaceWith(lowered);
}

function wrap(table: Element): void {
  const host = table.ownerDocument.createElement("md-table");
  table.replaceWith(host);
  host.append(table);
}

/** Why: the button of a picture cannot be inside a link. The link keeps what the picture is called. */
function moveBehindLink(image: Element): void {
  const link = image.closest("a");
  const called = image.getAttribute("alt") || safeAddress(link?.getAttribute("href") ?? "")?.host || "";
  image.before(called);
  link?.after(image);
}
