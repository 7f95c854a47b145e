"""Which runs stand in more than one chat, told in 8 bytes a run."""

from array import array
from collections.abc import Iterable, Iterator
from itertools import pairwise

import msgspec

from chatkeep.chat.model import ChatKey
from chatkeep.storage.atomic import Identity
from chatkeep.storage.checking.chat import ChatReport

_PARTS = 256  # sorted one after the other, so that sorting needs little memory
_64_BITS = 2**64 - 1


class RunIds:
    """Notes ids of runs by their hashes. Two ids may have the same one: who is told of a duplicate looks again."""

    def __init__(self) -> None:
        self._parts = [array("Q") for _ in range(_PARTS)]

    def add(self, run_ids: Iterable[str]) -> None:
        """Note ids that stand in one chat, each once."""
        for run_id in run_ids:
            hashed = hash(run_id) & _64_BITS
            self._parts[hashed % _PARTS].append(hashed)

    def duplicates(self) -> "Duplicates":
        """What was noted more than once."""
        found: set[int] = set()
        for part in self._parts:
            ordered = sorted(part)
            found.update(one for one, other in pairwise(ordered) if one == other)
        return Duplicates(found)


class Duplicates:
    """Hashes that were noted more than once."""

    def __init__(self, hashes: set[int]) -> None:
        self._hashes = hashes

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def __contains__(self, run_id: str) -> bool:
        """Whether the run may stand in more than one chat."""
        return hash(run_id) & _64_BITS in self._hashes


class Holders:
    """The chats in which some runs stand."""

    def __init__(self) -> None:
        self._by_run: dict[str, list[_Holder]] = {}

    def add(self, key: ChatKey, report: ChatReport, identity: Identity, duplicates: Duplicates) -> None:
        """Note those runs of a chat that are among `duplicates`."""
        if report.parsed is None:
            return
        holder = _Holder(report.parsed.header.created_at, identity.mtime_ns, key.owner, key.chat_id)
        for run_id in report.run_ids:
            if run_id in duplicates:
                self._by_run.setdefault(run_id, []).append(holder)

    def copies(self) -> Iterator[tuple[ChatKey, ChatKey, list[str]]]:
        """Each chat that has runs of another one, one of those others, and the ids of the runs.

        A run belongs to the chat that was created first, of copies with the same time to the file written first.
        """
        copied: dict[_Holder, tuple[_Holder, list[str]]] = {}
        for run_id, holders in self._by_run.items():
            first, *others = sorted(holders)
            for other in others:
                copied.setdefault(other, (first, []))[1].append(run_id)
        for copy, (first, run_ids) in copied.items():
            yield copy.key, first.key, run_ids


class _Holder(msgspec.Struct, frozen=True, order=True):
    """One chat; they sort by which was first."""

    created_at: str
    mtime_ns: int
    owner: str
    chat_id: str

    @property
    def key(self) -> ChatKey:
        return ChatKey(self.owner, self.chat_id)
