"""Notice what others do in the data folder while we write to it."""

from collections.abc import Callable
from threading import Lock

from chatkeep.storage.atomic import storage_errors
from chatkeep.storage.folder import Folder
from chatkeep.storage.index import FolderIdentity
from chatkeep.storage.reconcile import folder_identity


class FolderWatch:
    """Tells our own changes of the folders' names from other people's, by the folders' times."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._ours: dict[str, FolderIdentity] = {}
        self._foreign = False
        self._lock = Lock()

    def note_all(self) -> None:
        """The index is about to agree with the folders as they are now. Raises: StorageFailed."""
        with self._lock, storage_errors(f"The data folder {self._folder.root} cannot be read"):
            self._ours = {owner: folder_identity(self._folder.of_owner(owner)) for owner in self._folder.owners()}
            self._foreign = False

    def noted(self) -> dict[str, FolderIdentity]:
        """The folders after our last change of each."""
        with self._lock:
            return dict(self._ours)

    def changing(self, owner: str, change: Callable[..., object], *arguments: object) -> None:
        """Make our own change of a name in the owner's folder, noticing what others did before it."""
        path = self._folder.of_owner(owner)
        with self._lock:
            if not self._is_ours(owner):
                self._foreign = True
            change(*arguments)
            self._ours[owner] = folder_identity(path)

    def changed_by_others(self) -> bool:
        """Whether somebody else added, removed or replaced a file since `note_all`."""
        with self._lock:
            return self._foreign or not all(map(self._is_ours, self._ours))

    def _is_ours(self, owner: str) -> bool:
        known = self._ours.get(owner)
        try:
            return known is None or folder_identity(self._folder.of_owner(owner)) == known
        except OSError:
            return False
