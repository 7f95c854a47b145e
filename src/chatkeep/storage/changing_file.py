"""A file that others may change while the server runs."""

from pathlib import Path

from chatkeep.storage.atomic import Identity, identity_of, storage_errors


class ChangingFile:
    """Call it for the file's bytes when they are others than last time; None when it is the same."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: Identity | None = None

    def __call__(self) -> bytes | None:
        """Raises: StorageFailed."""
        with storage_errors(f"The file {self._path} cannot be read"):
            found = identity_of(self._path.stat())
            if found == self._seen:
                return None
            data = self._path.read_bytes()
        self._seen = found
        return data
