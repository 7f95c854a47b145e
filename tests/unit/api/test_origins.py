"""Which hosts are ours, and which pages may change things."""

import pytest

from chatkeep.api.origins import Origins, is_loopback
from chatkeep.errors import Forbidden


def _scope(*headers: tuple[str, str], method: str = "POST") -> dict[str, object]:
    return {
        "type": "http",
        "method": method,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.0.0.1:8000", "localhost", "LOCALHOST:1", "[::1]:8000", "10.1.2.3", "chatkeep", "x.localhost"],
)
def test_without_a_list_these_hosts_are_ours(host: str) -> None:
    Origins((), (), "127.0.0.1").check(_scope(("host", host)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "127.0.0.1.nip.example", "a:b:c", "[::1", "x@y.z"]
)
def test_a_name_that_a_page_could_have_is_refused(host: str) -> None:
    with pytest.raises(Forbidden):
        Origins((), (), "127.0.0.1").check(_scope(("host", host), method="GET"))  # type: ignore[arg-type]


def test_a_list_of_hosts_holds_names_and_domains() -> None:
    origins = Origins(("chat.example.org", "*.lan.example"), (), "0.0.0.0")

    for host in ("chat.example.org", "Chat.Example.Org:443", "a.lan.example", "127.0.0.1", "localhost"):
        origins.check(_scope(("host", host)))  # type: ignore[arg-type]
    for host in ("example.org", "xchat.example.org", "lan.example", "chatkeep"):
        with pytest.raises(Forbidden):
            origins.check(_scope(("host", host)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("headers", "is_taken"),
    [
        ([("origin", "http://localhost:8000")], True),
        ([("origin", "https://evil.example")], False),
        ([("origin", "null")], False),
        ([("origin", "https://page.example")], True),
        ([("origin", "https://behind.proxy"), ("sec-fetch-site", "same-origin")], True),
        ([("origin", "http://localhost:9999")], False),
        ([], True),
    ],
)
def test_another_page_may_not_change_anything(headers: list[tuple[str, str]], is_taken: bool) -> None:
    origins = Origins((), ("https://page.example",), "127.0.0.1")
    scope = _scope(("host", "localhost:8000"), *headers)

    if is_taken:
        origins.check(scope)  # type: ignore[arg-type]
    else:
        with pytest.raises(Forbidden):
            origins.check(scope)  # type: ignore[arg-type]


def test_only_this_machine_reaches_a_loopback_address() -> None:
    assert all(is_loopback(host) for host in ("127.0.0.1", "127.9.9.9", "::1", "localhost"))
    assert not any(is_loopback(host) for host in ("0.0.0.0", "::", "192.168.1.2", "example.org", ""))
