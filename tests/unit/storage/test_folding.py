"""What is the same to a search, and how text is cut for the word table."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.storage.folding import characters, fold, places_in, spread


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Café", "cafe"),
        ("Cafe\u0301", "cafe"),
        ("STRASSE Straße", "strasse strasse"),
        ("İstanbul", "istanbul"),
        ("Ёлка", "елка"),
        ("ΟΔΟΣ οδός", "οδοσ οδοσ"),
        ("\uff21\uff22\uff43\uff11", "abc1"),
        ("ﬁne", "fine"),
        ("it\u2019s “so”", 'it\'s "so"'),
        ("が ไทย हिन्दी", "が ไทย हिन्दी"),
        ("a\0b", "a b"),
    ],
)
def test_case_accents_and_widths_do_not_matter(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_cjk_is_cut_into_pairs_and_signs_stand_alone() -> None:
    assert spread(fold("GPT与AI 我喜欢 🎉x")).split() == ["gpt", "与", "ai", "我喜", "喜欢", "u1f389", "x"]
    assert characters("我喜我 abc") == "喜 我"


@given(st.text())
def test_a_text_folds_as_its_characters_do(text: str) -> None:
    assert fold(text) == "".join(map(fold, text))


@given(st.text(), st.text(alphabet="ßﬁe\u0301éa 中🎉", max_size=20))
def test_a_place_in_the_folded_text_is_found_in_the_text(before: str, after: str) -> None:
    text = f"{before}needle{after}"
    start = fold(text).rindex("needle")

    begin, end = places_in(text, [start, start + len("needle")])

    # An accent behind it belongs to its last letter.
    assert text[begin:end].rstrip("\u0301") == "needle"
