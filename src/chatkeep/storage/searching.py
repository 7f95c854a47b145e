"""Searches beside everything else: a read-only connection and a thread of its own, and an end when one takes long."""

import asyncio
import contextlib
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from chatkeep.chat.ports import SearchPage
from chatkeep.chat.query import Query
from chatkeep.errors import SearchTimedOut, StorageFailed
from chatkeep.storage.search import Search

_DEADLINE_S = 2.0  # of one search from when it is asked: waiting for its turn counts
_CACHE_KB = 16_000


class Searching:
    """Searches one index that somebody else writes."""

    def __init__(self, path: Path, deadline_s: float = _DEADLINE_S) -> None:
        self._path = path
        self._deadline_s = deadline_s
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="search")
        self._database: sqlite3.Connection | None = None
        self._opened: tuple[int, int] | None = None

    async def search(self, owner: str, query: Query, limit: int, offset: int) -> SearchPage:
        """One page of what the index has now. Raises: SearchTimedOut, StorageFailed."""
        loop = asyncio.get_running_loop()
        ends_at = time.monotonic() + self._deadline_s
        return await loop.run_in_executor(self._thread, self._search, owner, query, limit, offset, ends_at)

    def close(self) -> None:
        """Wait for the search that is going, and close."""
        self._thread.submit(self._disconnect)
        self._thread.shutdown()

    def _search(self, owner: str, query: Query, limit: int, offset: int, ends_at: float) -> SearchPage:
        def check() -> None:
            if time.monotonic() > ends_at:
                raise SearchTimedOut(f"The search took longer than {self._deadline_s:g} s: use fewer or rarer words.")

        if time.monotonic() > ends_at:
            raise SearchTimedOut(f"Other searches took all of its {self._deadline_s:g} s: try again.")
        try:
            database = self._connected()
            database.execute("BEGIN")
            try:
                return Search(database, owner, query, check).page(limit, offset)
            finally:
                database.execute("ROLLBACK")
        except sqlite3.Error as exc:
            self._disconnect()
            raise StorageFailed(f"The index could not be searched: {exc}.") from exc

    def _connected(self) -> sqlite3.Connection:
        """The connection to the file that is there now: a broken index is made anew under the same name."""
        try:
            found = self._path.stat()
        except OSError as exc:
            raise StorageFailed(f"The index {self._path} cannot be read: {exc.strerror}.") from exc
        if self._database is None or self._opened != (found.st_dev, found.st_ino):
            self._disconnect()
            self._database = _read_only(self._path)
            self._opened = (found.st_dev, found.st_ino)
        return self._database

    def _disconnect(self) -> None:
        if self._database is not None:
            with contextlib.suppress(sqlite3.Error):
                self._database.close()
            self._database = None


def _read_only(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, check_same_thread=False)
    database.execute(f"PRAGMA cache_size = -{_CACHE_KB:d}")
    return database
