"""Who a request can come from."""

from chatkeep.access.subject import ANONYMOUS


def test_the_anonymous_owner_is_the_folder_itself() -> None:
    assert (ANONYMOUS.owner, ANONYMOUS.credential) == ("", "")
