"""Whose chats the holder of a token has."""

from hypothesis import given
from hypothesis import strategies as st

from chatkeep.access.keys import check_owner
from chatkeep.access.tokens import owner_of


def test_a_digest_of_anothers_subject_is_another_owner() -> None:
    digest = owner_of("Alice@Example.com").removeprefix("jwt-")

    assert owner_of(digest) != owner_of("Alice@Example.com")
    assert owner_of(digest.removeprefix("_")) != owner_of("Alice@Example.com")


def test_a_tokens_owner_is_told_apart_from_keys_and_fit_for_a_folder() -> None:
    assert owner_of("alice") == "jwt-alice"
    odd = owner_of("auth0|../../x")
    assert odd.startswith("jwt-")
    assert check_owner(odd) == odd
    assert owner_of("a") != owner_of("A")


@given(st.text(), st.text())
def test_two_tokens_share_an_owner_only_when_their_subjects_are_the_same(one: str, other: str) -> None:
    assert (owner_of(one) == owner_of(other)) == (one == other)


@given(st.text())
def test_every_tokens_owner_is_fit_for_a_folder(subject: str) -> None:
    check_owner(owner_of(subject))
