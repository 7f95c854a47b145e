"""Replies that want to run something, in a real browser: nothing runs, is asked for, or is in the page that may not."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser_kit.tab import Tab
from tests.reply_page import reply_page

_CORPUS: list[dict[str, str]] = json.loads((Path(__file__).parent / "xss_corpus.json").read_text())
_CLASSES = {name: [*entries] for name, entries in itertools.groupby(_CORPUS, key=lambda entry: entry["class"])}

_LOOK = (Path(__file__).parent / "reply_safety.js").read_text()


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with reply_page(tmp_path_factory.mktemp("replies")) as served:
        yield served


@pytest.fixture
def replies(url: str, tab: Tab) -> Tab:
    """The page, with everything that it loads late already there."""
    tab.open(url)
    tab.until("document.readyState === 'complete' && window.harness !== undefined")
    tab.evaluate(_LOOK)
    tab.evaluate("harness.show('$x$\\n\\n```js\\nlet x;\\n```\\n\\n```zig\\n```', false)")
    tab.until("document.querySelector('.katex') !== null && document.querySelector('.hljs-keyword') !== null")
    tab.requests.clear()
    return tab


@pytest.mark.parametrize("name", _CLASSES)
def test_a_reply_that_wants_to_run_something_runs_nothing(name: str, replies: Tab) -> None:
    problems = _problems(replies, ("checkWhole", "checkCuts"), _CLASSES[name])

    assert problems == []
    assert _trespasses(replies) == []
    assert replies.evaluate("harness.violations") == []
    assert [said for said in replies.complaints if "/missing.png" not in said.text] == []


def test_html_that_only_the_sanitiser_has_seen_runs_nothing(replies: Tab) -> None:
    problems = _problems(replies, ("checkHtml",), _CORPUS)

    assert problems == []
    assert _trespasses(replies) == []


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    assert len({entry["markdown"] for entry in _CORPUS}) >= 300


def _problems(replies: Tab, checks: tuple[str, ...], entries: list[dict[str, str]]) -> list[str]:
    problems = []
    for entry in entries:
        markdown = entry["markdown"]
        for check in checks:
            found = replies.evaluate(f"{check}({json.dumps(markdown)})")
            problems += [f"{markdown[:200]!r}: {problem}" for problem in found]
            assert replies.evaluate("window.stillHere === true"), f"it left the page: {markdown!r}"
    replies.evaluate("lastError()")
    return problems


def _trespasses(replies: Tab) -> list[str]:
    """What ran, was said in a box, or was asked of another host."""
    ran = [] if replies.evaluate("window.__hit === undefined") else ["it ran"]
    boxes = [said.text for said in replies.complaints if said.source == "dialog"]
    return ran + boxes + replies.foreign_requests
