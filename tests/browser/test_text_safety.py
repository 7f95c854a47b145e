"""Replies that want to run something, in a real browser: nothing runs, nothing is asked for, nothing odd is in the page."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.devtools import Tab, browser
from tests.reply_page import reply_page

_CORPUS: list[dict[str, str]] = json.loads((Path(__file__).parent / "xss_corpus.json").read_text())
_CLASSES = {name: [*entries] for name, entries in itertools.groupby(_CORPUS, key=lambda entry: entry["class"])}

# What may be in a reply. In a formula, KaTeX's own elements; its styles are set by script, so the attribute is its trace.
_LOOK = """
const TAGS = new Set(("A ABBR B BDI BDO BLOCKQUOTE BR BUTTON CITE CODE DD DEL DETAILS DFN DIV DL DT EM H3 H4 H5 H6 HR I INS "
  + "KBD LI MARK MD-CODE MD-IMAGE MD-MATH MD-TABLE MD-TASK OL P PRE Q RP RT RUBY S SAMP SMALL SPAN STRONG SUB SUMMARY SUP "
  + "TABLE TBODY TD TFOOT TH THEAD TR U UL VAR WBR").split(" "));
const ATTRIBUTES = new Set(("align aria-label checked class dir display href open rel role source start tabindex target title "
  + "type address alt language pending").split(" "));
const FORMULA = new Set(("annotation math menclose mfrac mi mn mo mover mpadded mphantom mroot mrow mspace msqrt mstyle msub "
  + "msubsup msup mtable mtd mtext mtr munder munderover semantics line path span svg").split(" "));

function problemsOf(element) {
  const name = element.tagName;
  const inFormula = element.closest(".katex") !== null;
  const found = [];
  if (!(inFormula ? FORMULA.has(name.toLowerCase()) : TAGS.has(name))) found.push(`element ${name}`);
  for (const { name: attribute, value } of element.attributes) {
    if (/^on|^(?:id|name|src|srcset|xlink:href)$/i.test(attribute)) found.push(`${name} ${attribute}`);
    else if (!inFormula && !ATTRIBUTES.has(attribute)) found.push(`${name} ${attribute}`);
    else if (attribute === "href" && !/^(?:https?:\\/\\/[^/]|mailto:)/.test(value)) found.push(`link to ${value}`);
  }
  if (name === "A" && element.hasAttribute("href")) {
    if (element.target !== "_blank" || element.rel !== "noopener noreferrer nofollow") found.push("link without guard");
  }
  if (name === "BUTTON" && !element.closest("md-code, md-image")) found.push("button");
  if (element.shadowRoot) found.push("shadow root");
  return found;
}

window.look = (where) =>
  [...document.querySelectorAll("#page > .markdown *, #fresh > .markdown *")].flatMap(problemsOf).map((found) => `${where}: ${found}`);
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
"""


class Page(NamedTuple):
    url: str
    tab: Tab


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    folder = tmp_path_factory.mktemp("replies")
    with reply_page(folder / "page") as url, browser(folder) as tab:
        yield Page(url, tab)


@pytest.fixture
def tab(page: Page) -> Tab:
    """The page anew, with everything that it loads late already there."""
    page.tab.open(page.url)
    page.tab.until("document.readyState === 'complete' && window.harness !== undefined")
    page.tab.evaluate(_LOOK)
    page.tab.evaluate("harness.show('$x$\\n\\n```js\\nlet x;\\n```\\n\\n```zig\\n```', false)")
    page.tab.until("document.querySelector('.katex') && document.querySelector('.hljs-keyword')")
    for noted in (page.tab.complaints, page.tab.requested, page.tab.dialogs):
        noted.clear()
    return page.tab


@pytest.mark.parametrize("name", _CLASSES)
def test_a_reply_that_wants_to_run_something_runs_nothing(name: str, tab: Tab, page: Page) -> None:
    problems = _problems(tab, ("checkWhole", "checkCuts"), _CLASSES[name])

    assert problems == []
    assert _trespasses(tab, page) == []
    assert tab.evaluate("harness.violations") == []
    assert [said for said in tab.complaints if "/missing.png" not in said] == []


def test_html_that_only_the_sanitiser_has_seen_runs_nothing(tab: Tab, page: Page) -> None:
    problems = _problems(tab, ("checkHtml",), _CORPUS)

    assert problems == []
    assert _trespasses(tab, page) == []


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    assert len({entry["markdown"] for entry in _CORPUS}) >= 300


def _problems(tab: Tab, checks: tuple[str, ...], entries: list[dict[str, str]]) -> list[str]:
    problems = []
    for entry in entries:
        markdown = entry["markdown"]
        for check in checks:
            problems += [f"{markdown[:200]!r}: {found}" for found in tab.evaluate(f"{check}({json.dumps(markdown)})")]
            assert tab.evaluate("window.stillHere === true"), f"it left the page: {markdown!r}"
    tab.evaluate("lastError()")
    return problems


def _trespasses(tab: Tab, page: Page) -> list[str]:
    """What ran, was said, or was asked of another host."""
    ran = [] if tab.evaluate("window.__hit === undefined") else ["it ran"]
    return ran + tab.dialogs + [url for url in tab.requested if not url.startswith(page.url)]
