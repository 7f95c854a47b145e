"""The piece of text around what was found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.chat.ports import MARK_END, MARK_START
from chatkeep.chat.query import parse_query
from chatkeep.storage.matching import Matcher
from chatkeep.storage.snippet import snippet_of


def snippet(text: str, query: str) -> str:
    """The snippet with marks that are easy to read."""
    return snippet_of(text, Matcher(parse_query(query))).replace(MARK_START, "[").replace(MARK_END, "]")


@pytest.mark.parametrize(
    ("text", "query", "expected"),
    [
        ("A red moon.", "moon", "A red [moon]."),
        ("Two moons, one Moon.", "moon", "Two [moon]s, one [Moon]."),
        ("red, MOON", '"red moon"', "[red, MOON]"),
        ("Ein ﬁnes Café", "cafe", "Ein ﬁnes [Café]"),
        ("我喜欢北京大学", "北京", "我喜欢[北京]大学"),
        ("one\nline\u2028more", "line", "one [line] more"),
        ("a <mark>b</mark> & c", "mark", "a <[mark]>b</[mark]> & c"),
        ("moon", "moon -sun", "[moon]"),
    ],
)
def test_each_hit_is_marked(text: str, query: str, expected: str) -> None:
    assert snippet(text, query) == expected


def test_marks_in_the_message_itself_are_replaced() -> None:
    assert snippet(f"a {MARK_START}moon{MARK_END}", "moon") == "a \ufffd[moon]\ufffd"


def test_a_long_text_is_cut_around_the_place_that_has_most_of_the_query() -> None:
    found = snippet("moon " + "x " * 500 + "the red moon rises " + "y " * 500, "red moon")

    assert found.startswith("…")
    assert found.endswith("…")
    assert "[red] [moon] rises" in found
    assert len(found) <= 204


@given(st.text(max_size=400), st.text(max_size=400), st.sampled_from(["needle", "need", "中文", '"needle 中文"']))
def test_a_snippet_is_short_marks_are_paired_and_nothing_raises(before: str, after: str, query: str) -> None:
    found = snippet_of(f"{before} needle 中文 {after}", Matcher(parse_query(query)))

    marks = [c for c in found if c in MARK_START + MARK_END]
    assert marks == [MARK_START, MARK_END] * (len(marks) // 2)
    assert len(found) - len(marks) <= 200
    assert "\n" not in found
