"""Who is who and who may what, without a socket."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.access.keys import ApiKey, KeyRing, KeySet, check_name, check_owner, new_key, parse_rate
from chatkeep.access.policy import Action, check
from chatkeep.access.sessions import Session, Sessions
from chatkeep.access.subject import ANONYMOUS, Rate, Role, Subject
from chatkeep.access.tokens import owner_of
from chatkeep.api.credentials import credentials_of
from chatkeep.api.origins import Origins, is_loopback
from chatkeep.errors import Forbidden, InvalidRequest, Unauthorized

MOMENT = "2026-01-01T00:00:00.000000Z"


def _scope(*headers: tuple[str, str], method: str = "POST") -> dict[str, object]:
    return {
        "type": "http",
        "method": method,
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers],
    }


def _kept(*names: str) -> tuple[KeySet, list[str]]:
    kept, secrets = KeySet.new(), []
    for name in names:
        secrets.append(new_key())
        kept = kept.with_key(ApiKey(name, name, Role.USER, kept.digest(secrets[-1]), MOMENT))
    return kept, secrets


def test_a_key_is_found_by_itself_alone() -> None:
    kept, (one, two) = _kept("one", "two")
    ring = KeyRing(kept)

    assert [getattr(ring.find(key), "name", None) for key in (one, two)] == ["one", "two"]
    for wrong in (one[:-1], one + "x", one.upper(), one[:20], "", kept.keys[0].digest, kept.secret):
        assert ring.find(wrong) is None


def test_the_same_key_has_another_digest_on_another_server() -> None:
    assert KeySet.new().digest("ck_same") != KeySet.new().digest("ck_same")


def test_a_revoked_key_is_nobodys_and_its_name_is_free_again() -> None:
    kept, (one,) = _kept("one")

    after = kept.without("one", MOMENT)

    assert KeyRing(after).find(one) is None
    assert after.with_key(ApiKey("one", "one", Role.USER, "d", MOMENT)).active("one") is not None
    with pytest.raises(InvalidRequest):
        after.without("one", MOMENT)


def test_revoking_the_last_key_does_not_open_the_server() -> None:
    kept, _ = _kept("one")

    assert KeyRing(kept.without("one", MOMENT)).is_needed
    assert not KeyRing(KeySet.new()).is_needed


def test_the_key_of_the_settings_is_an_admins_of_the_folder_itself() -> None:
    found = KeyRing(KeySet.new(), "from-the-settings").find("from-the-settings")

    assert found is not None
    assert (found.name, found.owner, found.role) == ("default", "", Role.ADMIN)


@pytest.mark.parametrize(
    "name", ["", "A", "a b", "../x", "a/b", "-a", "x" * 65, "jwt-a", "default", "anonymous", "a\n"]
)
def test_a_name_that_could_be_something_else_names_no_key(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_name(name)


@pytest.mark.parametrize("owner", ["..", "a/b", "A", "@x", "a\0"])
def test_an_owner_can_never_be_a_path(owner: str) -> None:
    with pytest.raises(InvalidRequest):
        check_owner(owner)


def test_a_rate_is_requests_and_seconds() -> None:
    assert parse_rate("120/60") == Rate(120, 60.0)
    for wrong in ("", "120", "0/60", "1/0", "-1/60", "1/60/2", "a/b", "1e3/60"):
        with pytest.raises(InvalidRequest):
            parse_rate(wrong)


READER, USER, ADMIN = (Subject(role, role, role, "digest") for role in Role)


@pytest.mark.parametrize(
    ("subject", "allowed"),
    [
        (None, {Action.OPEN, Action.LOGIN}),
        (READER, {Action.OPEN, Action.LOGIN, Action.SCRAPE, Action.READ}),
        (USER, {Action.OPEN, Action.LOGIN, Action.SCRAPE, Action.READ, Action.CHANGE, Action.TALK}),
        (ADMIN, set(Action)),
    ],
)
def test_a_role_allows_these_actions_and_no_others(subject: Subject | None, allowed: set[Action]) -> None:
    for action in Action:
        if action in allowed:
            check(subject, action)
        else:
            with pytest.raises((Unauthorized, Forbidden)):
                check(subject, action)


def test_a_digest_of_anothers_subject_is_another_owner() -> None:
    digest = owner_of("Alice@Example.com").removeprefix("jwt-")

    assert owner_of(digest) != owner_of("Alice@Example.com")
    assert owner_of(digest.removeprefix("_")) != owner_of("Alice@Example.com")


def test_not_even_an_admin_acts_on_anothers_things_but_by_the_audit_views() -> None:
    for action in (Action.READ, Action.CHANGE, Action.TALK):
        with pytest.raises(Forbidden):
            check(ADMIN, action, owner="alice")
    check(ADMIN, Action.AUDIT, owner="alice")


def test_a_session_ends_with_its_time_and_at_a_logout() -> None:
    sessions = Sessions([Session("old", "key", time.time() - 1)])

    assert sessions.find("old") is None
    sessions = sessions.with_session("new", "key")
    assert sessions.find("new") is not None
    assert sessions.without("new").find("new") is None
    assert sessions.without("new").all() == []


def test_the_sessions_of_one_key_are_bounded_and_the_oldest_goes_first() -> None:
    sessions = Sessions()
    for number in range(150):
        sessions = sessions.with_session(str(number), "key")
    sessions = sessions.with_session("other", "another key")

    assert len(sessions.all()) == 101
    assert sessions.find("149") is not None
    assert sessions.find("0") is None


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


def test_the_anonymous_owner_is_the_folder_itself() -> None:
    assert (ANONYMOUS.owner, ANONYMOUS.credential) == ("", "")
