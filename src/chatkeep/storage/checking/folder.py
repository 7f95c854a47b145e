"""Check a whole data folder, and repair it."""

import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from chatkeep.chat.model import timestamp
from chatkeep.errors import NotFound, StorageFailed
from chatkeep.storage.atomic import storage_errors
from chatkeep.storage.checking.chats import ChatsCheck
from chatkeep.storage.checking.finding import Code, Fault, Finding
from chatkeep.storage.checking.index import IndexCheck
from chatkeep.storage.checking.own import check_own
from chatkeep.storage.checking.quarantine import Quarantine
from chatkeep.storage.checking.scope import Scope
from chatkeep.storage.folder import Folder
from chatkeep.storage.lock import FolderLock

_AHEAD = timedelta(days=1)  # how far other machines' clocks may be before ours


class FolderCheck:
    """One check of the data folder `root`, whose finished journals are kept `run_kept_s` seconds.

    `advance` is told after each chat how many were looked at, and of how many. `quarantine` is where a repair has put
    what it changed, None while that is nothing.
    """

    def __init__(self, root: Path, *, run_kept_s: float, advance: Callable[[int, int], None]) -> None:
        self._folder = Folder(root)
        self._run_kept_s = run_kept_s
        self._advance = advance
        self.quarantine: Path | None = None

    def findings(self, *, repair: bool) -> Iterator[Finding]:
        """Yield what is found, as it is found; with `repair` after it was repaired.

        Without `repair` nothing is changed, and a server may own the folder; with it the folder is owned until the
        iterator is closed. Raises: NotFound, FolderInUse, StorageFull, StorageFailed.
        """
        root = self._folder.root
        lock = FolderLock(self._folder.lock)
        if not root.is_dir():
            raise NotFound(f"There is no data folder {root}.")
        with storage_errors(f"The data folder {root} cannot be read"):
            yield from self._repaired(lock) if repair else self._look(self._scope(lock.owner(), None))

    def _repaired(self, lock: FolderLock) -> Iterator[Finding]:
        self._folder.make()
        lock.acquire()
        quarantine = Quarantine(self._folder, datetime.now(UTC))
        try:
            yield from self._look(self._scope(None, quarantine))
        finally:
            self.quarantine = quarantine.place if quarantine.is_used else None
            quarantine.close()
            lock.release()

    def _scope(self, owner: str | None, quarantine: Quarantine | None) -> Scope:
        moment = datetime.now(UTC)
        latest = timestamp(moment + _AHEAD)
        return Scope(self._folder, owner, latest, moment.timestamp(), self._run_kept_s, quarantine)

    def _look(self, scope: Scope) -> Iterator[Finding]:
        if scope.owner is not None:
            what = f"The server with process id {scope.owner} is running here: what it is writing is passed over."
            yield from scope.found(scope.folder.lock, [Fault(Code.FOLDER_OWNED, what)])
        index = IndexCheck(scope)
        try:
            index.begin()
            yield from ChatsCheck(scope, index, self._advance).findings()
            yield from check_own(scope)
            yield from index.end(changed=scope.quarantine is not None and scope.quarantine.is_used)
        except sqlite3.Error as exc:
            raise StorageFailed(f"The index {self._folder.index} could not be read to its end: {exc}.") from exc
        finally:
            index.close()
