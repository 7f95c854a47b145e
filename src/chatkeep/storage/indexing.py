"""Keeps the index in step with the files, off the event loop: batches changes, and answers after them."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import structlog

from chatkeep.errors import StorageFailed, StorageFull
from chatkeep.storage.folder import Folder
from chatkeep.storage.index import Change, FolderIdentity, Index
from chatkeep.storage.reconcile import reconcile

T = TypeVar("T")

_log = structlog.get_logger("chatkeep.index")

_PACE_S = 0.05  # how long changes gather before they are written in one transaction
_MOST_WAITING = 10_000  # changes kept in memory while the index cannot be written; then the files are read again


class Indexing:
    """The index of one folder and its only thread."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="index")
        self._index: Index | None = None
        self._changes: list[Change] = []
        self._stale = False
        self._broken = False
        self._refusal: StorageFailed | None = None
        self._wake = asyncio.Event()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the index and bring it in step with the files. Raises: StorageFull, StorageFailed."""
        try:
            trusted = await self._in_thread(self._open)
        except sqlite3.Error as exc:
            raise StorageFailed(f"The index {self._folder.index} cannot be used: {exc}.") from exc
        self._task = asyncio.create_task(self._write_forever(), name="index")
        if trusted:
            # Why: a folder that has not changed says nothing of files edited in place. We look while we serve.
            self.distrust()

    async def aclose(self, folders: Callable[[], dict[str, FolderIdentity]]) -> None:
        """Write what is waiting, note that it agrees with `folders`, and close."""
        if self._task is not None:
            # Race: ended in the middle of a write, the task would lose the changes that it took.
            async with self._writing:
                self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            await self._flush()
            await self._in_thread(self._shut, folders)
        self._thread.shutdown()

    @property
    def waiting(self) -> int:
        """How many changes are not in the index yet."""
        return len(self._changes)

    def add(self, change: Change) -> None:
        """Index a change soon."""
        self._changes.append(change)
        self._wake.set()

    def distrust(self) -> None:
        """Files may have changed without us: look at all of them soon, and before the next answer."""
        self._stale = True
        self._wake.set()

    def rebuild(self) -> None:
        """The index is broken: make it anew from the files soon, and before the next answer."""
        self._broken = True
        self.distrust()

    async def catch_up(self) -> None:
        """Return when every change that was added before is written, or could not be: then it is tried again."""
        await self._flush()

    async def settle(self) -> None:
        """Return when a search finds every change that was added before. Raises: StorageFull, StorageFailed."""
        await self.ask(Index.settle)

    async def ask(self, question: Callable[[Index], T]) -> T:
        """The index's answer, after every change that was added before. Raises: StorageFull, StorageFailed."""
        await self._flush()
        if self._refusal is not None:
            raise self._refusal
        try:
            return await self._in_thread(lambda: question(self._opened))
        except sqlite3.OperationalError as exc:
            self._stale = True
            raise StorageFailed(f"The index could not be read: {exc}.") from exc
        except sqlite3.DatabaseError as exc:
            self.rebuild()
            raise StorageFailed(f"The index is broken, and is made anew: {exc}.") from exc

    @property
    def _opened(self) -> Index:
        assert self._index is not None, "start() comes first"
        return self._index

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call, *arguments)

    def _open(self) -> bool:
        self._index = Index(self._folder.index)
        return reconcile(self._folder, self._index, self._index.trusted_folders())

    def _shut(self, folders: Callable[[], dict[str, FolderIdentity]]) -> None:
        if not self._stale and not self._changes:
            with contextlib.suppress(sqlite3.Error):
                self._opened.trust_folders(folders())
        self._opened.close()

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            await asyncio.sleep(_PACE_S)
            self._wake.clear()
            await self._flush()

    async def _flush(self) -> None:
        if not self._changes and not self._stale:
            return
        async with self._writing:
            changes, self._changes = self._changes, []
            stale, self._stale = self._stale, False
            try:
                await self._in_thread(self._write, changes, stale)
            except Exception as exc:  # noqa: BLE001 - derived: nothing that breaks in it may end its one writer
                _log.error("index_not_written", error=f"{type(exc).__name__}: {exc}", changes=len(changes))
                self._stale = stale or len(changes) + len(self._changes) > _MOST_WAITING
                self._changes = [] if self._stale else changes + self._changes
                self._refusal = StorageFull(f"The index could not be written: {exc}.")
            else:
                self._refusal = None

    def _write(self, changes: list[Change], stale: bool) -> None:
        try:
            if self._broken:
                raise sqlite3.DatabaseError("it could not be read")  # noqa: TRY301 - the same as when it cannot be written
            self._opened.apply(changes)
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError as exc:
            _log.error("index_made_anew", error=str(exc))
            self._opened.make_anew()
            self._broken = False
            stale = True
        if stale:
            reconcile(self._folder, self._opened, {})
