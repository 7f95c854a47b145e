"""Check the index against itself and against the files, without changing it."""

import contextlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from chatkeep.chat.branch import message_count
from chatkeep.chat.model import ChatKey
from chatkeep.errors import StorageFailed
from chatkeep.storage.atomic import Identity, modified_at
from chatkeep.storage.checking.chat import ChatReport
from chatkeep.storage.checking.finding import Code, Fault, Finding
from chatkeep.storage.checking.parsing import Parsed
from chatkeep.storage.checking.quarantine import Quarantine
from chatkeep.storage.checking.scope import CannotRepair, Scope
from chatkeep.storage.codec import whole_chat
from chatkeep.storage.index import _VERSION, FolderIdentity, Index
from chatkeep.storage.lock import FolderLock
from chatkeep.storage.reconcile import folder_identity, reconcile

_NO_CHAT = "SELECT count(*) FROM messages LEFT JOIN chats ON chats.id = chat WHERE chats.id IS NULL"
_NO_MESSAGE = "SELECT count(*) FROM texts WHERE id NOT IN (SELECT id FROM messages)"
_NO_TEXT = "SELECT count(*) FROM waiting WHERE id NOT IN (SELECT id FROM texts)"
_COUNTS = {
    "messages of no chat": _NO_CHAT,
    "texts of no message": _NO_MESSAGE,
    "texts that wait to be found and are not there": _NO_TEXT,
}
_ROWS = (
    "SELECT chat_id, size, mtime_ns, inode, message_count, last_updated,"
    " (SELECT count(*) FROM messages WHERE chat = chats.id) FROM chats WHERE owner = ? ORDER BY chat_id"
)
_SEARCHED = "SELECT (SELECT count(*) FROM texts) - (SELECT count(*) FROM waiting)"
_MOST_NAMED = 3  # chats in one sentence


class _Row(msgspec.Struct, frozen=True):
    chat_id: str
    identity: Identity
    message_count: int
    last_updated: str
    indexed: int  # messages of it, also of other branches


class _Compared(msgspec.Struct):
    """What differs of one owner's chats."""

    agrees: bool = False  # as the index says itself, of the names in the folder
    new: list[str] = []
    gone: list[str] = []
    changed: int = 0
    wrong: list[str] = []


class IndexCheck:
    """The index of one folder. `begin` comes first; then each owner's chats between `begin_owner` and `end_owner`."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._path = scope.folder.index
        self._database: sqlite3.Connection | None = None
        self._faults: list[Fault] = []
        self._notes: list[Fault] = []
        self._trusted: dict[str, FolderIdentity] = {}
        self._owners: set[str] = set()
        self._rows: Iterator[_Row] = iter(())
        self._row: _Row | None = None
        self._compared = _Compared()
        self._is_ours = False

    def begin(self) -> None:
        """Open it, and look whether it is whole."""
        try:
            found = self._path.lstat()
        except OSError:
            self._notes.append(Fault(Code.INDEX_MISSING, "There is no index; the next start makes it."))
            return
        if not stat.S_ISREG(found.st_mode):
            self._faults.append(Fault(Code.INDEX_BROKEN, "The index is no regular file."))
            return
        try:
            self._open()
            self._is_ours = self._look()
        except sqlite3.OperationalError as exc:
            self._faults.append(Fault(Code.INDEX_BROKEN, f"The index cannot be read: {exc}."))
        except sqlite3.DatabaseError as exc:
            self._faults.append(Fault(Code.INDEX_BROKEN, f"The index is no whole database: {exc}."))
        if self._faults:
            self._is_ours = False

    def begin_owner(self, owner: str) -> None:
        """The chats of this owner come next."""
        self._compared = _Compared()
        self._rows = self._rows_of(owner)
        self._row = next(self._rows, None)
        self._owners.discard(owner)
        with contextlib.suppress(OSError):
            self._compared.agrees = self._trusted.get(owner) == folder_identity(self._scope.folder.of_owner(owner))

    def saw(self, key: ChatKey, identity: Identity, report: ChatReport) -> None:
        """A chat's file is there; they come in the order of their ids."""
        row = self._row_of(key.chat_id)
        if not self._is_ours or report.parsed is None or report.faults:
            return
        if row is None:
            self._compared.new.append(key.chat_id)
        elif row.identity != identity:
            self._compared.changed += 1
        elif not _is_of(row, report.parsed):
            self._compared.wrong.append(key.chat_id)

    def end_owner(self, owner: str) -> None:
        """All chats of this owner were there."""
        if not self._is_ours:
            return
        of = f" of @{owner}" if owner else ""
        self._row_of(None)
        new, gone, wrong = self._compared.new, self._compared.gone, self._compared.wrong
        if wrong:
            what = f"It knows these files{of} and says something else of what is in them: {_named(wrong)}."
            self._faults.append(Fault(Code.INDEX_WRONG, what))
        if self._compared.agrees and (new or gone):
            what = f"It says that it has all chats{of}, and is wrong about these: {_named(new + gone)}."
            self._faults.append(Fault(Code.INDEX_WRONG, what))
        elif new or gone or self._compared.changed:
            counts = f"{len(new)} new, {self._compared.changed} changed, {len(gone)} gone"
            what = f"It is behind the files{of} ({counts}); the next start or the next list mends that."
            self._notes.append(Fault(Code.INDEX_BEHIND, what))

    def end(self, *, changed: bool) -> Iterator[Finding]:
        """What was found. `changed` says that chats were repaired, so that the index is brought in step."""
        for owner in sorted(self._owners):
            self.begin_owner(owner)
            self.end_owner(owner)
        self.close()
        if self._faults and self._was_disturbed():
            self._faults = []
            self._notes = [Fault(Code.FOLDER_OWNED, "A server was started meanwhile: the index was not compared.")]
        if self._faults or self._notes:
            yield from self._scope.found(self._path, [*self._faults, *self._notes], self._rebuild)
        if self._is_ours and changed and not self._faults:
            # Why it may fail: the next start does the same.
            with contextlib.suppress(sqlite3.Error, StorageFailed):
                self._bring_in_step()
        for path in (self._path, *_beside(self._path)):
            with contextlib.suppress(OSError):
                yield from self._scope.open_to_others(path, path.lstat())

    def _was_disturbed(self) -> bool:
        """Whether a server has begun since, so that what was read as nobody's was being written."""
        is_alone = self._scope.owner is None and self._scope.quarantine is None
        return is_alone and FolderLock(self._scope.folder.lock).owner() is not None

    def close(self) -> None:
        """Release the database."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def _open(self) -> None:
        # Why: SQLite makes two files beside one that it only reads. Without a server, and after a clean stop, nobody
        # writes it, and they are not needed: https://sqlite.org/wal.html#read_only_databases
        still = self._scope.owner is None and not any(os.path.lexists(path) for path in _beside(self._path))
        mode = "mode=ro&immutable=1" if still else "mode=ro"
        self._database = sqlite3.connect(f"{self._path.as_uri()}?{mode}", uri=True, isolation_level=None)

    def _look(self) -> bool:
        """Whether it is an index of this version, and whole."""
        (version,) = self._ask("PRAGMA user_version")[0]
        told = [str(row[0]) for row in self._ask("PRAGMA integrity_check(3)")]
        if told != ["ok"]:
            self._faults.append(Fault(Code.INDEX_BROKEN, f"SQLite finds it broken: {'; '.join(told)}."))
            return False
        if version != _VERSION:
            what = f"It is of version {version}, this chatkeep has {_VERSION}; the next start makes it anew."
            self._notes.append(Fault(Code.INDEX_OTHER_VERSION, what))
            return False
        self._ask("BEGIN")
        for text, query in _COUNTS.items():
            (count,) = self._ask(query)[0]
            if count:
                self._faults.append(Fault(Code.INDEX_WRONG, f"It has {count} {text}."))
        self._count_searched()
        self._trusted = {
            owner: FolderIdentity(mtime_ns, inode)
            for owner, mtime_ns, inode in self._ask("SELECT owner, mtime_ns, inode FROM folders")
        }
        self._owners = {owner for (owner,) in self._ask("SELECT DISTINCT owner FROM chats")}
        return True

    def _count_searched(self) -> None:
        (expected,) = self._ask(_SEARCHED)[0]
        for table in ("words", "trigrams"):
            # Row 1 of an FTS5 table's data begins with its number of rows: fts5_index.c, "AVERAGES record".
            rows = self._ask(f"SELECT block FROM {table}_data WHERE id = 1")  # noqa: S608 - our own names
            count = _varint(bytes(rows[0][0])) if rows else 0
            if count != expected:
                what = f"A search knows {count} texts by {table}, and there are {expected}."
                self._faults.append(Fault(Code.INDEX_WRONG, what))

    def _rows_of(self, owner: str) -> Iterator[_Row]:
        """In the order of their ids. Why not all at once: of a million chats they take 400 MB."""
        if self._database is None or not self._is_ours:
            return
        for chat_id, size, mtime_ns, inode, *rest in self._database.execute(_ROWS, (owner,)):
            yield _Row(chat_id, Identity(size, mtime_ns, inode), *rest)

    def _row_of(self, chat_id: str | None) -> _Row | None:
        """The row of that chat; rows before it, of None all, have no file."""
        while self._row is not None and (chat_id is None or self._row.chat_id < chat_id):
            self._compared.gone.append(self._row.chat_id)
            self._row = next(self._rows, None)
        row = self._row
        if row is None or row.chat_id != chat_id:
            return None
        self._row = next(self._rows, None)
        return row

    def _ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        assert self._database is not None, "_open() comes first"
        return self._database.execute(query, values).fetchall()

    def _rebuild(self, into: Quarantine, faults: list[Fault]) -> None:
        # Why in this order: a log without its database would be played into the next one of that name.
        for path in (*_beside(self._path), self._path):
            if os.path.lexists(path):
                into.move(path, faults)
        try:
            self._bring_in_step()
        except (sqlite3.Error, StorageFailed) as exc:
            raise CannotRepair(f"it could not be made anew: {exc}") from exc

    def _bring_in_step(self) -> None:
        index = Index(self._path)
        try:
            reconcile(self._scope.folder, index, {})
        finally:
            index.close()


def _is_of(row: _Row, parsed: Parsed) -> bool:
    """Whether the row says what the file does."""
    header, messages = parsed.header, parsed.messages
    # Why as a whole chat: a branch may name a message by an id that its file leaves out.
    chat = whole_chat(header, messages, {}, row.chat_id, modified_at(row.identity))
    return (row.message_count, row.last_updated, row.indexed) == (message_count(chat), chat.last_updated, len(messages))


def _beside(path: Path) -> list[Path]:
    """SQLite's other files of that database."""
    return [path.with_name(f"{path.name}-{suffix}") for suffix in ("wal", "shm")]


def _named(chat_ids: list[str]) -> str:
    more = len(chat_ids) - _MOST_NAMED
    return ", ".join(chat_ids[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


def _varint(data: bytes) -> int:
    """SQLite's number of variable length: https://sqlite.org/fileformat2.html#varint."""
    number = 0
    for place, byte in enumerate(data[:9]):
        if place == 8:  # noqa: PLR2004 - the ninth byte counts whole
            return number << 8 | byte
        number = number << 7 | byte & 0x7F
        if byte < 0x80:  # noqa: PLR2004 - its highest bit says that more follow
            break
    return number
