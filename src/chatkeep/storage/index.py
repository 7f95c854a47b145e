"""The index: lists, run ids, idempotency keys and full-text search, derived from the files.

Everything here can be deleted and is made again from the chats. One thread owns the database, and writes it; what is
searched stands in texts.py, and is read by a connection of its own (searching.py).
"""

import contextlib
import heapq
import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
import structlog

from chatkeep.chat.branch import active_path, questions, shown_count
from chatkeep.chat.model import Chat, ChatKey, Idempotency
from chatkeep.chat.ports import ChatSummary, StoredRun, StoredTurn
from chatkeep.storage import texts
from chatkeep.storage.atomic import Identity

_log = structlog.get_logger("chatkeep.index")

_VERSION = 3

_SCHEMA = """
CREATE TABLE IF NOT EXISTS chats (
    id INTEGER PRIMARY KEY,
    owner TEXT NOT NULL,
    chat_id TEXT NOT NULL,
    title TEXT NOT NULL,
    created_at TEXT NOT NULL,
    last_updated TEXT NOT NULL,
    message_count INTEGER NOT NULL,
    provider TEXT,
    model TEXT,
    size INTEGER NOT NULL,       -- the file's identity, as git keeps it: bytes,
    mtime_ns INTEGER NOT NULL,   -- nanoseconds,
    inode INTEGER NOT NULL,
    UNIQUE (owner, chat_id)
);
CREATE INDEX IF NOT EXISTS chats_newest ON chats (owner, last_updated DESC, chat_id DESC);
CREATE TABLE IF NOT EXISTS messages (
    id INTEGER PRIMARY KEY,      -- its number, made of its owner's and a count: texts.py
    chat INTEGER NOT NULL REFERENCES chats (id),
    place INTEGER NOT NULL,      -- position in the file, from 0
    message_id TEXT,
    role TEXT NOT NULL,
    run_id TEXT,                 -- NULL: not a reply of ours
    key_digest TEXT,             -- NULL: sent without an idempotency key
    body_digest TEXT,
    sent_at TEXT,
    asked_at TEXT                -- of a reply of ours: when what it answers was sent, or itself
);
CREATE INDEX IF NOT EXISTS messages_of_chat ON messages (chat, place);
CREATE INDEX IF NOT EXISTS turns_of_chat ON messages (chat, asked_at, place) WHERE run_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS messages_of_run ON messages (run_id) WHERE run_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS messages_of_key ON messages (key_digest) WHERE key_digest IS NOT NULL;
CREATE TABLE IF NOT EXISTS folders (
    owner TEXT PRIMARY KEY,
    mtime_ns INTEGER NOT NULL,
    inode INTEGER NOT NULL
);
"""


class FolderIdentity(msgspec.Struct, frozen=True):
    """What tells one state of a folder's names from another."""

    mtime_ns: int
    inode: int


class Put(msgspec.Struct, frozen=True):
    """Index `chat`, whose file has `identity`. The first `known` messages are the same as last time.

    With `if_changed` nothing is done when the index has that identity already.
    """

    key: ChatKey
    chat: Chat
    identity: Identity
    known: int = 0
    if_changed: bool = False


class Remove(msgspec.Struct, frozen=True):
    """The chat is gone."""

    key: ChatKey


Change = Put | Remove


class Index:
    """One SQLite database. Not for several threads at once. Every method may raise sqlite3.Error."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = self._open()
        self._texts = texts.Texts(self._database)

    def apply(self, changes: Iterable[Change]) -> None:
        """Make all of `changes` in one transaction, in order."""
        with self._transaction():
            for change in changes:
                if isinstance(change, Remove):
                    self._remove(change.key)
                else:
                    self._put(change)
            self._texts.settle_many()

    def settle(self) -> None:
        """Let a search find all that was applied."""
        if self._texts.any_waiting:
            with self._transaction():
                self._texts.settle()

    def identities(self, owner: str) -> dict[str, Identity]:
        """The file identity of each of the owner's chats, by chat id."""
        rows = self._database.execute("SELECT chat_id, size, mtime_ns, inode FROM chats WHERE owner = ?", (owner,))
        return {chat_id: Identity(size, mtime_ns, inode) for chat_id, size, mtime_ns, inode in rows}

    def owners(self) -> set[str]:
        """Every owner with a chat in the index."""
        return {owner for (owner,) in self._database.execute("SELECT DISTINCT owner FROM chats")}

    def trusted_folders(self) -> dict[str, FolderIdentity]:
        """The folders as they were at the last clean stop, by owner, and forget them; empty after an unclean one."""
        rows = self._database.execute("SELECT owner, mtime_ns, inode FROM folders").fetchall()
        with self._transaction():
            self._database.execute("DELETE FROM folders")
        return {owner: FolderIdentity(mtime_ns, inode) for owner, mtime_ns, inode in rows}

    def trust_folders(self, folders: dict[str, FolderIdentity]) -> None:
        """The index agrees with these folders: the last act of a clean stop."""
        with self._transaction():
            self._database.executemany(
                "INSERT OR REPLACE INTO folders VALUES (?, ?, ?)",
                [(owner, folder.mtime_ns, folder.inode) for owner, folder in folders.items()],
            )

    def newest(self, owner: str, limit: int, before: tuple[str, str] | None) -> list[ChatSummary]:
        """The owner's chats by their last update, newest first, from the one after `before` (time and id) on."""
        moment, chat_id = before or ("~", "")
        rows = self._database.execute(
            "SELECT chat_id, created_at, last_updated, message_count, title, provider, model FROM chats"
            " WHERE owner = ? AND (last_updated, chat_id) < (?, ?)"
            " ORDER BY last_updated DESC, chat_id DESC LIMIT ?",
            (owner, moment, chat_id, limit),
        )
        return [ChatSummary(*row) for row in rows]

    def find_run(self, run_id: str) -> StoredRun | None:
        """The reply that `run_id` made."""
        row = self._database.execute(
            "SELECT owner, chat_id, run_id, message_id FROM messages JOIN chats ON chats.id = chat WHERE run_id = ?",
            (run_id,),
        ).fetchone()
        return _stored_run(row) if row else None

    def find_idempotent(self, owner: str, key_digest: str, since: str) -> tuple[StoredRun, Idempotency] | None:
        """The newest reply that the owner's key made after the time `since`."""
        row = self._database.execute(
            "SELECT owner, chat_id, run_id, message_id, key_digest, body_digest FROM messages"
            " JOIN chats ON chats.id = chat WHERE key_digest = ? AND owner = ? AND sent_at > ?"
            " AND run_id IS NOT NULL ORDER BY sent_at DESC LIMIT 1",
            (key_digest, owner, since),
        ).fetchone()
        return (_stored_run(row), Idempotency(row[4], row[5])) if row else None

    def newest_turns(self, owner: str, limit: int) -> list[StoredTurn]:
        """The owner's newest `limit` turns that a run made, newest first by the time of their prompt.

        Looks at chats from the one updated last on, and ends at the first that is too old to add any.
        """
        newest: list[tuple[str, str, int, str]] = []  # a heap: the oldest stands first
        chats = self._database.execute(
            "SELECT last_updated, chat_id, created_at, id FROM chats WHERE owner = ? AND provider IS NOT NULL"
            " ORDER BY last_updated DESC, chat_id DESC",
            (owner,),
        )
        for last_updated, chat_id, created_at, number in chats:
            if len(newest) == limit and (last_updated, chat_id) < newest[0][:2]:
                break
            for sent_at, place, run_id in self._turns_of(number):
                turn = (sent_at or created_at, chat_id, place, run_id)
                if len(newest) < limit:
                    heapq.heappush(newest, turn)
                elif heapq.heappushpop(newest, turn) is turn:
                    break
        return [StoredTurn(chat_id, run_id, sent_at) for sent_at, chat_id, _, run_id in sorted(newest, reverse=True)]

    def make_anew(self) -> None:
        """Throw away a broken database and begin an empty one."""
        self._database.close()
        self._database = self._make_anew()
        self._texts = texts.Texts(self._database)

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _open(self) -> sqlite3.Connection:
        """Open it, or make it anew when it is broken or of another version: all it holds can be read again."""
        database = _connect(self._path)
        try:
            _prepare(database)
            found = database.execute("PRAGMA user_version").fetchone()[0]
            if found in (0, _VERSION):
                _make_tables(database)
                return database
        except sqlite3.OperationalError:
            database.close()
            raise
        except sqlite3.DatabaseError:
            _log.warning("index_made_anew", reason="it is not a whole database")
        database.close()
        return self._make_anew()

    def _make_anew(self) -> sqlite3.Connection:
        for suffix in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        database = _connect(self._path)
        _prepare(database)
        _make_tables(database)
        return database

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:  # SQLite may have ended it by itself: "Response To Errors Within …"
                self._database.execute("ROLLBACK")
            self._texts.rolled_back()
            raise

    def _put(self, change: Put) -> None:
        chat, identity = change.chat, change.identity
        if change.if_changed and self._identity(change.key) == identity:
            return
        path = active_path(chat)
        last = next((m for m in reversed(path) if m.provider), None)
        (number,) = self._database.execute(
            "INSERT INTO chats (owner, chat_id, title, created_at, last_updated, message_count, provider, model,"
            " size, mtime_ns, inode) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
            " ON CONFLICT (owner, chat_id) DO UPDATE SET title = excluded.title, created_at = excluded.created_at,"
            " last_updated = excluded.last_updated, message_count = excluded.message_count,"
            " provider = excluded.provider, model = excluded.model, size = excluded.size,"
            " mtime_ns = excluded.mtime_ns, inode = excluded.inode RETURNING id",
            (
                *(change.key.owner, change.key.chat_id, chat.title, chat.created_at, chat.last_updated),
                *(shown_count(path), last.provider if last else None, last.model if last else None),
                *(identity.size, identity.mtime_ns, identity.inode),
            ),
        ).fetchone()
        known = change.known
        if known:
            (indexed,) = self._database.execute("SELECT count(*) FROM messages WHERE chat = ?", (number,)).fetchone()
            known = known if known == indexed else 0
        if not known:
            self._remove_messages(number)
        self._put_messages(number, change.key.owner, known, chat)

    def _identity(self, key: ChatKey) -> Identity | None:
        row = self._database.execute(
            "SELECT size, mtime_ns, inode FROM chats WHERE owner = ? AND chat_id = ?", (key.owner, key.chat_id)
        ).fetchone()
        return Identity(*row) if row else None

    def _turns_of(self, chat: int) -> Iterator[tuple[str | None, int, str]]:
        """The time of the prompt, the place and the run of each reply, the newest prompt first."""
        return self._database.execute(
            "SELECT asked_at, place, run_id FROM messages WHERE chat = ? AND run_id IS NOT NULL"
            " ORDER BY asked_at DESC, place DESC",
            (chat,),
        )

    def _put_messages(self, number: int, owner: str, known: int, chat: Chat) -> None:
        """Index the messages of `chat` but the first `known`."""
        messages = chat.messages[known:]
        if not messages:
            return
        first = self._texts.next_number(owner)
        for count, (message, question) in enumerate(zip(messages, questions(chat, known), strict=True)):
            key = message.idempotency
            self._database.execute(
                "INSERT INTO messages"
                " (id, chat, place, message_id, role, run_id, key_digest, body_digest, sent_at, asked_at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(first + count, number, known + count, message.id, message.role, message.run_id),
                    *((key.key, key.body) if key else (None, None)),
                    *(message.timestamp, (question and question.timestamp) or message.timestamp),
                ),
            )
            if message.role != "system" and (text := message.text):
                self._texts.add(first + count, text)

    def _remove(self, key: ChatKey) -> None:
        row = self._database.execute(
            "SELECT id FROM chats WHERE owner = ? AND chat_id = ?", (key.owner, key.chat_id)
        ).fetchone()
        if row:
            self._remove_messages(row[0])
            self._database.execute("DELETE FROM chats WHERE id = ?", row)

    def _remove_messages(self, chat: int) -> None:
        numbers = self._database.execute("SELECT id FROM messages WHERE chat = ? ORDER BY id", (chat,)).fetchall()
        self._texts.remove([number for (number,) in numbers])
        self._database.execute("DELETE FROM messages WHERE chat = ?", (chat,))


def _connect(path: Path) -> sqlite3.Connection:
    """Open the database, in a file that only its owner reads: it holds every text. SQLite's other files are like it."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False)


def _prepare(database: sqlite3.Connection) -> None:
    database.execute("PRAGMA journal_mode = WAL")
    # Why: it is derived, so a power cut may cost its last writes, and NORMAL never corrupts a WAL database.
    database.execute("PRAGMA synchronous = NORMAL")
    database.execute("PRAGMA temp_store = MEMORY")


def _make_tables(database: sqlite3.Connection) -> None:
    texts.check_sqlite(sqlite3.sqlite_version_info)
    database.executescript(_SCHEMA + texts.SCHEMA)
    database.execute(f"PRAGMA user_version = {_VERSION:d}")


def _stored_run(row: Sequence[str]) -> StoredRun:
    return StoredRun(ChatKey(row[0], row[1]), row[2], row[3])
