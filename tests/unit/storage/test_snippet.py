"""The piece of text around what was found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.chat.ports import MARK_END, MARK_START
from chatkeep.chat.query import parse_query
from chatkeep.storage.matching import Matcher, pieces_of
from chatkeep.storage.snippet import snippet_of


def snippet(text: str, query: str) -> str:
    """The snippet with marks that are easy to read."""
    return snippet_of(text, Matcher(parse_query(query)), lambda: None).replace(MARK_START, "[").replace(MARK_END, "]")


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


def test_a_very_long_text_is_looked_at_in_pieces_up_to_the_first_that_has_a_hit() -> None:
    looked = 0

    def check() -> None:
        nonlocal looked
        looked += 1

    text = "é word " * 50_000 + "the red moon rises " + "y words " * 50_000
    found = snippet_of(text, Matcher(parse_query("red moon")), check)

    assert f"{MARK_START}red{MARK_END} {MARK_START}moon{MARK_END} rises y words" in found
    assert 350_000 / 21_000 < looked < 350_000 / 17_000
    assert snippet_of(text, Matcher(parse_query("nowhere")), check).startswith("é word é")


@given(st.integers(0, 45_000), st.sampled_from([" ", "x", "中", "é\n"]))
def test_pieces_hold_the_whole_text_and_share_what_a_query_may_have(length: int, filler: str) -> None:
    text = (filler * length)[:length]
    pieces = [*pieces_of(text)]

    assert pieces[0][0] == 0
    assert all(text[place : place + len(piece)] == piece for place, piece in pieces)
    ends = [place + len(piece) for place, piece in pieces]
    assert all(place + 1_000 <= end for end, (place, _) in zip(ends, pieces[1:], strict=False))
    assert ends[-1] == len(text)
    assert all(len(piece) <= 21_000 + 1_000 for _, piece in pieces)


@given(st.text(max_size=400), st.text(max_size=400), st.sampled_from(["needle", "need", "中文", '"needle 中文"']))
def test_a_snippet_is_short_marks_are_paired_and_nothing_raises(before: str, after: str, query: str) -> None:
    found = snippet_of(f"{before} needle 中文 {after}", Matcher(parse_query(query)), lambda: None)

    marks = [c for c in found if c in MARK_START + MARK_END]
    assert marks == [MARK_START, MARK_END] * (len(marks) // 2)
    assert len(found) - len(marks) <= 200
    assert "\n" not in found
