"""The lock of a data folder: one server at a time owns it."""

import fcntl
import os
from pathlib import Path

from chatkeep.errors import FolderInUse
from chatkeep.storage.atomic import storage_errors


class FolderLock:
    """Held from `acquire` to `release`, or until the process ends. The file names the owner's process id."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Own the folder. Raises: FolderInUse naming the owner's process id, StorageFailed."""
        with storage_errors(f"The data folder {self._path.parent.parent} cannot be used"):
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise FolderInUse(
                f"The data folder {self._path.parent.parent} belongs to the running server with process id {owner}."
            ) from None
        with storage_errors(f"The data folder {self._path.parent.parent} cannot be used"):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        """Give the folder up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
