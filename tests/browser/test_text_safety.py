"""Replies that want to run something, in a real browser: nothing runs, is asked for, or is in the page that may not."""

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

_LOOK = (Path(__file__).parent / "reply_safety.js").read_text()


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
