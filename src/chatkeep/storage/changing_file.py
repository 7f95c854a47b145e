"""A file that others may change while the server runs."""

import stat
from pathlib import Path

from chatkeep.errors import StorageFailed
from chatkeep.storage.atomic import Identity, identity_of, read_regular, storage_errors

MOST_BYTES = 2**20  # of a file that people write


class ChangingFile:
    """Call it for the file's bytes when they are others than last time; None when it is the same."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Identity | None = None

    def __call__(self) -> bytes | None:
        """Never waits for another program. Raises: StorageFailed, also of a pipe, a device, and more than a MiB."""
        with storage_errors(f"The file {self._path} cannot be read"):
            found = self._path.stat()
            if identity_of(found) == self._seen:
                return None
            if not stat.S_ISREG(found.st_mode):
                raise StorageFailed(f"{self._path} is no regular file.")
            if found.st_size > MOST_BYTES:
                raise StorageFailed(f"The file {self._path} is larger than {MOST_BYTES} bytes.")
            # Why resolved: containers mount files as links.
            data, self._seen = read_regular(self._path.resolve())
        return data
