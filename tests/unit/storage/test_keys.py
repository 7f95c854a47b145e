"""The file of keys: whatever is added and revoked, what is read is what was meant, and it says who may enter."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chatkeep.access.keys import ApiKey, KeyRing, KeySet, new_key
from chatkeep.access.subject import Rate, Role
from chatkeep.errors import Conflict, NotFound
from chatkeep.storage.keys import KeyFile

MOMENT = "2026-01-01T00:00:00.000000Z"
NAMES = st.sampled_from(["alice", "bob", "carol", "dave"])


class KeysOfAFolder(RuleBasedStateMachine):
    """`added` are all keys that were ever made, in order: name, secret, whether it still holds."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.file = KeyFile(Path(self.place.name) / "chats")
        self.meant: KeySet | None = None
        self.added: list[tuple[str, str, bool]] = []

    def teardown(self) -> None:
        self.place.cleanup()

    def _holding(self, name: str) -> bool:
        return any(name == each and holds for each, _, holds in self.added)

    @rule(
        name=NAMES,
        owner=st.one_of(NAMES, st.just("")),
        role=st.sampled_from(Role),
        rate=st.none() | st.builds(Rate, st.integers(1, 10**7), st.integers(1, 10**5).map(float)),
    )
    def add(self, name: str, owner: str, role: Role, rate: Rate | None) -> None:
        secret = new_key()

        def with_key(keys: KeySet) -> KeySet:
            return keys.with_key(ApiKey(name, owner, role, keys.digest(secret), MOMENT, rate))

        if self._change(with_key, is_possible=not self._holding(name)):
            self.added.append((name, secret, True))
            assert self.meant is not None
            found = KeyRing(self.meant).find(secret)
            assert found is not None
            assert (found.name, found.owner, found.role, found.rate) == (name, owner, role, rate)

    @rule(name=NAMES)
    def revoke(self, name: str) -> None:
        if self._change(lambda keys: keys.without(name, MOMENT), is_possible=self._holding(name)):
            self.added = [(each, secret, holds and each != name) for each, secret, holds in self.added]

    @precondition(lambda self: self.meant is not None)
    @rule()
    def write_the_same(self) -> None:
        before = self._bytes()
        self._change(lambda keys: keys, is_possible=True)
        assert self._bytes() == before

    @invariant()
    def what_is_read_is_what_was_meant(self) -> None:
        assert self.file.read() == self.meant

    @invariant()
    def only_who_was_let_in_and_not_put_out_gets_in(self) -> None:
        ring = KeyRing(self.meant or KeySet.new())
        found = [ring.find(secret) for _, secret, _ in self.added]

        assert [subject.name if subject else None for subject in found] == [
            name if holds else None for name, _, holds in self.added
        ]
        assert ring.is_needed == bool(self.added)

    @invariant()
    def names_that_hold_are_each_ones_own_and_nothing_is_forgotten(self) -> None:
        kept = self.meant.keys if self.meant else []
        holding = [key.name for key in kept if key.revoked_at is None]

        assert [key.name for key in kept] == [name for name, _, _ in self.added]
        assert len(holding) == len(set(holding))

    def _change(self, how: Callable[[KeySet], KeySet], *, is_possible: bool) -> bool:
        """Whether it was done: as it must be, or refused with nothing changed."""
        before = self.meant
        try:
            self.meant = self.file.change(how)
        except (Conflict, NotFound):
            assert not is_possible
            assert self.file.read() == before
            return False
        assert is_possible
        assert before is None or self.meant.secret == before.secret
        return True

    def _bytes(self) -> bytes:
        return (Path(self.place.name) / "chats/.chatkeep/keys.json").read_bytes()


TestKeysOfAFolder = KeysOfAFolder.TestCase
TestKeysOfAFolder.settings = settings(max_examples=100, stateful_step_count=12, deadline=None, database=None)
