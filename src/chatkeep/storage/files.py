"""Chats as files: one JSON file a chat is the source of truth. Implements ChatStore."""

import asyncio
import contextlib
import functools
import os
import sqlite3
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from chatkeep.chat.locks import Locks
from chatkeep.chat.model import Chat, ChatKey, Idempotency, Message, check_revision, is_timestamp, timestamp
from chatkeep.chat.ports import ChatSummary, DeletedChat, Generation, SearchPage, StoredRun, StoredTurn
from chatkeep.chat.query import Query
from chatkeep.errors import ChatNotFound, ChatUnreadable, Conflict, InvalidRequest, RevisionConflict, StorageFailed
from chatkeep.storage.atomic import (
    Identity,
    identity_of,
    make_folder,
    read_regular,
    storage_errors,
    sync_folder,
    write_new,
)
from chatkeep.storage.chat_file import StoredChat, read_chat
from chatkeep.storage.codec import NotAChat, decode_chat, encode_chat, encode_message
from chatkeep.storage.folder import Folder
from chatkeep.storage.generations import Generations
from chatkeep.storage.index import Put, Remove
from chatkeep.storage.indexing import Indexing
from chatkeep.storage.journal import FileRunLog
from chatkeep.storage.lock import FolderLock
from chatkeep.storage.searching import Searching
from chatkeep.storage.trash import Trash
from chatkeep.storage.watch import FolderWatch

T = TypeVar("T")

_log = structlog.get_logger("chatkeep.files")

_THREADS = 8  # writes that wait for the disk at once
_CACHE_BYTES = 16 * 1024 * 1024  # of files whose decoded chats are kept
_UNINDEXED_BYTES = 4 * 1024 * 1024  # of files that were added, before the index catches up with them
_KEYS_KEPT = timedelta(hours=24)
_SWEEP_S = 60.0  # how often expired journals and trash are removed
_TIDY_S = 86_400.0  # how often the generations of chats that are gone are looked for: it reads all their names


class FileStore:
    """All chats of one data folder. `log` is the RunLog beside them. One process owns the folder."""

    def __init__(self, root: Path, *, run_kept_s: float, trash_days: float) -> None:
        self._folder = Folder(root)
        self._lock = FolderLock(self._folder.lock)
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="storage")
        self._indexing = Indexing(self._folder)
        self._searching = Searching(self._folder.index)
        self._watch = FolderWatch(self._folder)
        self._trash = Trash(self._folder, trash_days, self._watch.changing)
        self._generations = Generations(self._folder)
        self._cache = _Cache()
        self._unindexed_bytes = 0
        self._locks = Locks[ChatKey]()
        self._sweeping: asyncio.Task[None] | None = None
        self.log = FileRunLog(self._folder.runs, self._threads, run_kept_s)

    async def start(self) -> None:
        """Own the folder and bring its index in step. Raises: FolderInUse, StorageFull, StorageFailed."""
        await self._in_thread(self._claim)
        # Race: what others change from here on is noticed, so nothing slips between this and the index.
        await self._in_thread(self._watch.note_all)
        await self._indexing.start()
        self._sweeping = asyncio.create_task(self._sweep_forever(), name="sweep")

    async def aclose(self) -> None:
        """Leave the folder as a clean stop does, so that the next start can trust it."""
        if self._sweeping is not None:
            self._sweeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._sweeping
        if self._watch.changed_by_others():
            self._indexing.distrust()
        await self._in_thread(self._searching.close)
        await self._indexing.aclose(self._watch.noted)
        self.log.close()
        self._threads.shutdown()
        # Why before: whoever owns the folder next may listen there at once.
        self._folder.clear_socket()
        self._lock.release()

    @property
    def index_waiting(self) -> int:
        """How many changes of chats the index does not have yet; who asks it waits for them."""
        return self._indexing.waiting

    async def load(self, key: ChatKey) -> Chat:
        known = self._cache.get(key)
        identity = self._identity(key)
        if known is not None and identity == known.identity:
            return known.chat
        entry = await self._in_thread(read_chat, self._folder.chat(key), key.chat_id)
        # Race: a save or a delete may have come between, and is newer than what was read.
        if self._cache.get(key) is known and self._identity(key) == entry.identity:
            self._indexing.add(Put(key, entry.chat, entry.identity, if_changed=True))
            self._cache.put(key, entry)
        return entry.chat

    async def save(self, key: ChatKey, chat: Chat) -> None:
        stored = await self._stored_revision(key)
        if stored is not None and chat.revision != stored + 1:
            raise RevisionConflict(f"Chat {key.chat_id} has revision {stored}: {chat.revision} cannot follow it.")
        await self._write(key, chat, stored)

    async def read_file(self, key: ChatKey) -> bytes:
        return await self._in_thread(self._read_file, key)

    async def add(self, key: ChatKey, data: bytes) -> Chat:
        chat, identity = await self._in_thread(self._add, key, data)
        self._indexing.add(Put(key, chat, identity))
        # Why: chats come faster than they are indexed, and wait for that in memory.
        self._unindexed_bytes += len(data)
        if self._unindexed_bytes > _UNINDEXED_BYTES:
            self._unindexed_bytes = 0
            await self._indexing.catch_up()
        return chat

    def editing(self, key: ChatKey) -> AbstractAsyncContextManager[None]:
        return self._locks.holding(key)

    async def delete(self, key: ChatKey, *, purge: bool) -> None:
        try:
            await self._in_thread(self._purge if purge else self._discard, key, self._cache.get(key))
        except StorageFailed as exc:
            if isinstance(exc.__cause__, FileNotFoundError):
                raise ChatNotFound(f"There is no chat {key.chat_id}.") from None
            raise
        self._cache.drop(key)
        self._indexing.add(Remove(key))

    async def generations(self, key: ChatKey) -> list[Generation]:
        return await self._in_thread(self._generations.of, key, await self._present_revision(key))

    async def restore(self, key: ChatKey, generation: int | None, *, revision: int | None = None) -> Chat:
        if generation is None:
            entry = await self._in_thread(self._give_back, key, revision)
            self._cache.put(key, entry)
            self._indexing.add(Put(key, entry.chat, entry.identity))
            return entry.chat
        present = await self._present_revision(key) if revision is None else (await self.load(key)).revision
        check_revision(key.chat_id, present, revision)
        earlier = await self._in_thread(self._generations.read, key, generation, present)
        restored = msgspec.structs.replace(earlier, revision=present + 1)
        await self._write(key, restored, present, must_keep=True)
        return restored

    async def deleted(self, owner: str, *, limit: int, before: str | None) -> tuple[list[DeletedChat], str | None]:
        return await self._in_thread(self._trash.page, owner, limit, before)

    async def summaries(self, owner: str, *, limit: int, before: str | None) -> tuple[list[ChatSummary], str | None]:
        place = _place(before) if before is not None else None
        await self._notice_others()
        page = await self._indexing.ask(lambda index: index.newest(owner, limit + 1, place))
        if len(page) <= limit:
            return page, None
        last = page[limit - 1]
        return page[:limit], f"{last.last_updated}_{last.chat_id}"

    async def newest_turns(self, owner: str, *, limit: int) -> list[StoredTurn]:
        await self._notice_others()
        return await self._indexing.ask(lambda index: index.newest_turns(owner, limit))

    async def search(self, owner: str, query: Query, *, limit: int, offset: int) -> SearchPage:
        await self._notice_others()
        await self._indexing.settle()
        try:
            return await self._searching.search(owner, query, limit, offset)
        except StorageFailed as exc:
            if not isinstance(exc.__cause__, sqlite3.OperationalError):
                self._indexing.rebuild()
            raise

    async def find_run(self, run_id: str) -> StoredRun | None:
        return await self._indexing.ask(lambda index: index.find_run(run_id))

    async def find_idempotent(self, owner: str, key_digest: str) -> tuple[StoredRun, Idempotency] | None:
        since = timestamp(datetime.now(UTC) - _KEYS_KEPT)
        return await self._indexing.ask(lambda index: index.find_idempotent(owner, key_digest, since))

    async def check_writable(self) -> None:
        await self._in_thread(self._try_writing)

    async def _stored_revision(self, key: ChatKey) -> int | None:
        """The revision of the file as it is now, None when there is none. Raises: ChatUnreadable."""
        try:
            return (await self.load(key)).revision
        except ChatNotFound:
            return None

    async def _present_revision(self, key: ChatKey) -> int:
        """The revision of the chat; of one whose file was spoiled, the one it had. Raises: ChatNotFound, StorageFailed.

        Why so: to bring back what it was before is what its generations are there for.
        """
        try:
            return (await self.load(key)).revision
        except ChatUnreadable:
            newest = await self._in_thread(self._generations.newest, key)
            if newest is None:
                raise
            return newest + 1

    async def _write(self, key: ChatKey, chat: Chat, stored: int | None, *, must_keep: bool = False) -> None:
        before = self._cache.get(key)
        known = _same_beginning(before.chat.messages if before else [], chat.messages)
        keep = functools.partial(self._keep, key, chat.revision, stored, needed=must_keep)
        entry = await self._in_thread(self._put, key, chat, before.lines[:known] if before else [], keep)
        self._cache.put(key, entry)
        self._indexing.add(Put(key, chat, entry.identity, known))

    async def _notice_others(self) -> None:
        """Let what other people did to the files be in the next answer of the index."""
        if await self._in_thread(self._watch.changed_by_others):
            # Race: noted first, so that what others change while we look is noticed by the next list.
            await self._in_thread(self._watch.note_all)
            self._indexing.distrust()

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)

    def _claim(self) -> None:
        self._folder.make()
        self._lock.acquire()
        self._folder.clear_socket()
        self._folder.clear_temporary()
        self._try_writing()
        self._trash.remove_expired()

    def _try_writing(self) -> None:
        path = self._folder.temporary / f"probe-{os.urandom(8).hex()}"
        with storage_errors(f"The data folder {self._folder.root} cannot be written"):
            write_new(path, b"chatkeep")
            path.unlink()

    def _identity(self, key: ChatKey) -> Identity | None:
        """The identity of the chat's file, None when it cannot be told. Raises: ChatNotFound.

        Why on the event loop: one lstat costs 2 µs, and every turn makes three; a thread costs 80 each.
        """
        try:
            return identity_of(os.lstat(self._folder.chat(key)))
        except FileNotFoundError:
            raise ChatNotFound(f"There is no chat {key.chat_id}.") from None
        except OSError:
            return None

    def _keep(self, key: ChatKey, revision: int, replaced: int | None, *, needed: bool) -> None:
        """Keep the file that has the revision `replaced`; a first one, of `revision`, has no generations.

        Raises: OSError when that is `needed`. Else a message is worth more than an old version of what was before it.
        """
        try:
            if replaced is None:
                self._generations.begin(key, revision)
            else:
                self._generations.keep(key, replaced)
        except OSError as exc:
            if needed:
                raise
            _log.warning("generation_not_kept", chat_id=key.chat_id, revision=replaced, reason=str(exc))

    def _discard(self, key: ChatKey, known: StoredChat | None) -> None:
        path = self._trash.take(key)
        try:
            self._generations.to_trash(key, path.stem, _revision_of(path, key, known))
        except OSError as exc:
            _log.warning("generations_left_behind", chat_id=key.chat_id, reason=str(exc))

    def _purge(self, key: ChatKey, _: StoredChat | None) -> None:
        with storage_errors(f"Chat {key.chat_id} could not be removed"):
            # Why before the chat: when that fails, the chat is there to be removed again.
            self._folder.chat(key).lstat()
            self._generations.remove(key)
        self._trash.purge(key)

    def _give_back(self, key: ChatKey, revision: int | None) -> StoredChat:
        """Bring the newest of the trash back, with its generations. Raises: as `restore`."""
        if os.path.lexists(self._folder.chat(key)):
            raise Conflict(f"There is a chat {key.chat_id}: delete it first to bring back what is in the trash.")
        with storage_errors(f"Chat {key.chat_id} could not be brought back"):
            path = self._trash.newest(key)
            if path is None:
                raise ChatNotFound(f"There is no chat {key.chat_id}, and none in the trash.")
            entry = read_chat(path, key.chat_id)
            check_revision(key.chat_id, entry.chat.revision, revision)
            # Why before the chat: what a kill leaves half done the next restore completes.
            try:
                self._generations.from_trash(key, path.stem, entry.chat)
            except OSError as exc:
                _log.warning("generations_left_behind", chat_id=key.chat_id, reason=str(exc))
            self._trash.give_back(key, path)
        return entry

    def _read_file(self, key: ChatKey) -> bytes:
        try:
            return read_regular(self._folder.chat(key))[0]
        except FileNotFoundError:
            raise ChatNotFound(f"There is no chat {key.chat_id}.") from None
        except OSError as exc:
            raise ChatUnreadable(f"The file of chat {key.chat_id} cannot be read: {exc.strerror}.") from exc

    def _add(self, key: ChatKey, data: bytes) -> tuple[Chat, Identity]:
        try:
            chat = decode_chat(data, key.chat_id, datetime.now(UTC))
        except NotAChat as exc:
            raise InvalidRequest(f"That is not the file of a chat: {exc}.") from exc
        if os.path.lexists(self._folder.chat(key)):
            raise Conflict(f"There is a chat {key.chat_id} already.")
        keep = functools.partial(self._keep, key, chat.revision, None, needed=False)
        return chat, self._replace(key, data, keep)

    def _put(self, key: ChatKey, chat: Chat, lines: list[bytes], keep: Callable[[], None]) -> StoredChat:
        """Put `chat` at its path, as `_replace` does; `lines` are its first messages, encoded."""
        lines = lines + [encode_message(message) for message in chat.messages[len(lines) :]]
        return StoredChat(chat, lines, self._replace(key, encode_chat(chat, lines), keep))

    def _replace(self, key: ChatKey, data: bytes, keep: Callable[[], None]) -> Identity:
        """Put `data` at the chat's path, when `keep` has kept what is there.

        After return it survives a power cut. If it raises, the old file is whole.
        """
        target = self._folder.chat(key)
        temporary = self._folder.temporary / f"{key.owner}@{key.chat_id[:64]}-{os.urandom(8).hex()}"
        with storage_errors(f"Chat {key.chat_id} could not be saved"):
            if key.owner and not target.parent.is_dir():
                self._watch.changing("", make_folder, target.parent)
            identity = write_new(temporary, data)
            try:
                keep()
                self._watch.changing(key.owner, os.replace, temporary, target)
            except BaseException:
                with contextlib.suppress(OSError):
                    temporary.unlink()
                raise
            sync_folder(target.parent)
        return identity

    async def _sweep_forever(self) -> None:
        tidy_at = 0.0
        while True:
            await asyncio.sleep(_SWEEP_S)
            try:
                await self.log.remove_expired()
                await self._in_thread(self._trash.remove_expired)
                if time.monotonic() >= tidy_at:
                    tidy_at = time.monotonic() + _TIDY_S
                    await self._in_thread(self._generations.remove_abandoned, self._trash.kept_s)
            except OSError as exc:
                _log.warning("sweep_failed", error=str(exc))


class _Cache:
    """The chats used last, bounded by the size of their files."""

    def __init__(self) -> None:
        self._entries: OrderedDict[ChatKey, StoredChat] = OrderedDict()
        self._bytes = 0

    def get(self, key: ChatKey) -> StoredChat | None:
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        return entry

    def put(self, key: ChatKey, entry: StoredChat) -> None:
        self.drop(key)
        self._entries[key] = entry
        self._bytes += entry.identity.size
        while self._bytes > _CACHE_BYTES and len(self._entries) > 1:
            _, oldest = self._entries.popitem(last=False)
            self._bytes -= oldest.identity.size

    def drop(self, key: ChatKey) -> None:
        entry = self._entries.pop(key, None)
        if entry is not None:
            self._bytes -= entry.identity.size


def _same_beginning(before: list[Message], now: list[Message]) -> int:
    """How many messages both begin with, being the very same objects."""
    count = 0
    for old, new in zip(before, now, strict=False):
        if old is not new:
            break
        count += 1
    return count


def _revision_of(path: Path, key: ChatKey, known: StoredChat | None) -> int | None:
    """The revision of the file at `path`, which is maybe the one `known`; None when it is no chat. Raises: OSError."""
    if known is not None and identity_of(path.lstat()) == known.identity:
        return known.chat.revision
    try:
        return read_chat(path, key.chat_id).chat.revision
    except ChatUnreadable:
        return None


def _place(cursor: str) -> tuple[str, str]:
    """The time and id that a cursor of ours holds. Raises: InvalidRequest."""
    moment, underscore, chat_id = cursor.partition("_")
    if not underscore or not is_timestamp(moment):
        raise InvalidRequest("The cursor is not one that this server gave.", errors=(("cursor", "is not a cursor"),))
    return moment, chat_id
