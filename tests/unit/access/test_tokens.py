"""Whose chats the holder of a token has."""

from hypothesis import given
from hypothesis import strategies as st

from chatkeep.access.keys import check_owner
from chatkeep.access.tokens import owner_of


def test_a_tokens_owner_is_told_apart_from_keys_and_fit_for_a_folder() -> None:
    assert owner_of("alice") == "jwt-alice"
    odd = owner_of("auth0|../../x")
    assert odd.startswith("jwt-")
    assert check_owner(odd) == odd
    assert owner_of("a") != owner_of("A")


@given(st.text())
def test_every_tokens_owner_is_fit_for_a_folder(subject: str) -> None:
    check_owner(owner_of(subject))
