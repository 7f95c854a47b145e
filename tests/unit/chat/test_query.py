"""What a typed search means, and where it is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.chat.query import MOST_CHARS, MOST_ITEMS, Query, parse_query
from chatkeep.errors import InvalidRequest


def shown(query: Query) -> str:
    """`query` in a form that is quick to compare: groups by space, alternatives by `|`, phrases in brackets."""
    groups = ["|".join(f"[{i.text}]" if i.phrase else i.text for i in group) for group in query.all_of]
    return " ".join([*groups, *(f"-[{i.text}]" if i.phrase else f"-{i.text}" for i in query.none_of)])


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("red  moon", "red moon"),
        ('"red  moon" sun', "[red moon] sun"),
        ("“red moon”", "[red moon]"),
        ("moon -red", "moon -red"),
        ('moon -"red sun"', "moon -[red sun]"),
        ("-red moon", "moon -red"),
        ("moon or sun", "moon|sun"),
        ("moon OR sun Or star big", "moon|sun|star big"),
        ('moon OR "red sun"', "moon|[red sun]"),
        ("or", "or"),
        ("moon or", "moon or"),
        ("or moon", "or moon"),
        ("moon or or", "moon|or"),
        ('moon "or" sun', "moon [or] sun"),
        ("moon - sun", "moon sun"),
        ("moon -- sun", "moon sun"),
        ('moon ""', "moon"),
        ("C++ ->", "C++"),
        ("well-known", "well-known"),
        ("🎉", "🎉"),
        ("北京 猫", "北京 猫"),
        ("a\0b", "a b"),
        ("NEAR(a * ^b : {c} AND NOT", "NEAR(a ^b {c} AND NOT"),
        ('foo"bar baz"', "foo [bar baz]"),
    ],
)
def test_a_query_is_read_as_web_searches_are(text: str, tree: str) -> None:
    assert shown(parse_query(text)) == tree


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", 1),
        ("  ", 1),
        ("\0", 1),
        ("--", 1),
        ('""', 1),
        ('moon "red', 6),
        ('moon -"red', 7),
        ('"', 1),
        (" -red", 2),
        ('-red -"sun"', 1),
        ("moon or -red", 6),
        ("-red or moon", 6),
        ("x" * (MOST_CHARS + 1), MOST_CHARS + 1),
        ("a " * (MOST_ITEMS + 1), 2 * MOST_ITEMS + 1),
        ("a or " * (MOST_ITEMS + 1) + "b", 5 * MOST_ITEMS + 1),
        ("moon \ud800", 6),
    ],
)
def test_what_is_wrong_is_said_with_its_character_counted_from_1(text: str, place: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_query(text)

    ((path, message),) = refused.value.errors
    assert path == "query"
    assert message.endswith(f"(character {place})")


@given(st.text(alphabet=st.one_of(st.sampled_from('"-or OR\0“*(){}:^+'), st.characters()), max_size=60))
def test_any_text_is_a_query_or_an_invalid_request(text: str) -> None:
    found = parsed(text)

    if isinstance(found, InvalidRequest):
        assert [path for path, _ in found.errors] == ["query"]
        return
    assert found.all_of
    assert all(found.all_of)
    assert all(item.text.strip() for group in (*found.all_of, found.none_of) for item in group)


def parsed(text: str) -> Query | InvalidRequest:
    try:
        return parse_query(text)
    except InvalidRequest as refused:
        return refused
