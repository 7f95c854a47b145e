"""A change of the keys is taken over, also when it could not be read at first."""

from collections.abc import Callable

import pytest

from chatkeep.access.identities import Identities
from chatkeep.access.key_watch import KeyWatch
from chatkeep.access.keys import ApiKey, KeyRing, KeySet, new_key
from chatkeep.access.sessions import Sessions
from chatkeep.access.subject import Role, Subject
from chatkeep.errors import StorageFailed

pytestmark = pytest.mark.anyio


class Source:
    """Keys whose file can be unreadable for a while, as one that a command of root's left."""

    def __init__(self, kept: KeySet) -> None:
        self.kept = kept
        self.state = 0
        self.is_readable = True

    def identity(self) -> object:
        return self.state

    def read(self) -> KeySet | None:
        if not self.is_readable:
            raise StorageFailed("It belongs to somebody else.")
        return self.kept


async def keep(_sessions: Sessions) -> None:
    return


def close(_matches: Callable[[Subject], bool]) -> None:
    return


async def test_a_revocation_that_could_not_be_read_is_taken_over_as_soon_as_it_can() -> None:
    kept, key = KeySet.new(), new_key()
    source = Source(kept.with_key(ApiKey("alice", "alice", Role.USER, kept.digest(key), "2026-01-01T00:00:00.000000Z")))
    identities = Identities(KeyRing(source.kept), Sessions(), None, keep)
    watch = KeyWatch(source, identities, None, close)

    source.kept, source.state, source.is_readable = source.kept.without("alice", "2026-01-02"), 1, False
    watch.refresh()
    assert identities.ring.find(key) is not None

    source.is_readable = True
    watch.refresh()
    assert identities.ring.find(key) is None
