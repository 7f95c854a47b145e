"""What is read from a request of who it is."""

import pytest

from chatkeep.api.credentials import credentials_of
from chatkeep.errors import Unauthorized


def _scope(*headers: tuple[str, str], method: str = "POST") -> dict[str, object]:
    return {
        "type": "http",
        "method": method,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


@pytest.mark.parametrize(
    ("headers", "key", "cookie"),
    [
        ([], None, None),
        ([("x-api-key", "k")], "k", None),
        ([("authorization", "Bearer k")], "k", None),
        ([("authorization", "bearer  k ")], "k", None),
        ([("authorization", "Basic k")], None, None),
        ([("authorization", "Basic p"), ("x-api-key", "k")], "k", None),
        ([("x-api-key", "k"), ("authorization", "Bearer k")], "k", None),
        ([("cookie", "a=b; chatkeep_session=s; c=d")], None, "s"),
        ([("cookie", "xchatkeep_session=s")], None, None),
        ([("x-api-key", "k"), ("cookie", "chatkeep_session=s")], "k", "s"),
        ([("x-api-key", "")], "", None),
    ],
)
def test_a_credential_is_the_same_whatever_header_it_came_in(
    headers: list[tuple[str, str]], key: str | None, cookie: str | None
) -> None:
    shown = credentials_of(_scope(*headers))  # type: ignore[arg-type]

    assert (shown.key, shown.cookie) == (key, cookie)


@pytest.mark.parametrize(
    "headers",
    [
        [("x-api-key", "a"), ("authorization", "Bearer b")],
        [("x-api-key", "a"), ("x-api-key", "b")],
        [("authorization", "Bearer a"), ("authorization", "Bearer b")],
    ],
)
def test_two_keys_that_differ_are_no_key(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(Unauthorized):
        credentials_of(_scope(*headers))  # type: ignore[arg-type]
