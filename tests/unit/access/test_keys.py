"""Keys: how they are kept, found, named and revoked."""

import pytest

from chatkeep.access.keys import ApiKey, KeyRing, KeySet, check_name, check_owner, new_key, parse_rate
from chatkeep.access.subject import Rate, Role
from chatkeep.errors import Conflict, InvalidRequest, NotFound

MOMENT = "2026-01-01T00:00:00.000000Z"


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
    with pytest.raises(Conflict):
        after.without("one", MOMENT)
    with pytest.raises(NotFound):
        after.without("none", MOMENT)


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
