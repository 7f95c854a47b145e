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

    def owner(self) -> str | None:
        """The process id of the server that owns the folder, None when none does. Changes nothing. Raises: OSError."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            # Race: a server that starts while this is held, some microseconds, is told that the folder is in use.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        finally:
            os.close(descriptor)
        return None

    def release(self) -> None:
        """Give the folder up."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
