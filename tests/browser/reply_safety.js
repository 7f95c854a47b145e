/** Looks at what replies have put into the page: test_text_safety.py. */

const TAGS = new Set(
  `A ABBR B BDI BDO BLOCKQUOTE BR BUTTON CITE CODE DD DEL DETAILS DFN DIV DL DT EM H3 H4 H5 H6 HR I INS KBD LI MARK
  MD-CODE MD-IMAGE MD-MATH MD-TABLE MD-TASK OL P PRE Q RP RT RUBY S SAMP SMALL SPAN STRONG SUB SUMMARY SUP TABLE
  TBODY TD TFOOT TH THEAD TR U UL VAR WBR`.split(/\s+/),
);
const ATTRIBUTES = new Set(
  `address align alt aria-label checked class dir display href language open pending rel role source start tabindex
  target title type`.split(/\s+/),
);
// What KaTeX draws with. It sets styles by script, of which the attribute is the trace.
const FORMULA = new Set(
  `annotation math menclose mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub msubsup msup
  mtable mtd mtext mtr munder munderover semantics line path span svg`.split(/\s+/),
);

function problemsOf(element) {
  const name = element.tagName;
  const inFormula = element.closest(".katex") !== null;
  const found = [];
  if (!(inFormula ? FORMULA.has(name.toLowerCase()) : TAGS.has(name))) found.push(`element ${name}`);
  for (const { name: attribute, value } of element.attributes) {
    if (/^on|^(?:id|name|src|srcset|xlink:href)$/i.test(attribute)) found.push(`${name} ${attribute}`);
    else if (!inFormula && !ATTRIBUTES.has(attribute)) found.push(`${name} ${attribute}`);
    else if (attribute === "href" && !/^(?:https?:\/\/[^/]|mailto:)/.test(value)) found.push(`link to ${value}`);
  }
  if (name === "A" && element.hasAttribute("href")) {
    if (element.target !== "_blank" || element.rel !== "noopener noreferrer nofollow") found.push("link without guard");
  }
  if (name === "BUTTON" && !element.closest("md-code, md-image")) found.push("button");
  if (element.shadowRoot) found.push("shadow root");
  return found;
}

window.look = (where) => {
  const elements = [...document.querySelectorAll("#page > .markdown *, #fresh > .markdown *")];
  return elements.flatMap(problemsOf).map((found) => `${where}: ${found}`);
};
window.checkWhole = async (markdown) => {
  harness.clear();
  await harness.show(markdown, false);
  await new Promise(requestIdleCallback);
  await new Promise(requestIdleCallback);
  return [...look("whole"), ...(window.__hit ? ["it ran"] : [])];
};
window.checkCuts = async (markdown) => {
  harness.clear();
  const view = harness.fresh();
  const found = new Set();
  const step = Math.max(1, Math.round(markdown.length / 400));
  for (let end = 1; end <= markdown.length; end += step) {
    view.update(markdown.slice(0, end), true);
    for (const problem of look(`cut at ${end}`)) found.add(problem);
  }
  view.update(markdown, false);
  await new Promise(requestIdleCallback);
  return [...found, ...look("streamed"), ...(window.__hit ? ["it ran"] : [])];
};
window.checkHtml = async (html) => {
  harness.clear();
  harness.showHtml(html);
  await new Promise(requestIdleCallback);
  return [...look("HTML"), ...(window.__hit ? ["it ran"] : [])];
};
// An error of an image that is begun last is told last: then those of all others have been told.
window.lastError = () => new Promise((resolve) => {
  const image = new Image();
  image.onerror = resolve;
  image.src = "/missing.png";
});
window.stillHere = true;
