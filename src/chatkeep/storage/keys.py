"""The file of API keys, `.chatkeep/keys.json`. The server reads it, `chatkeep keys` changes it, also while both run."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from chatkeep.access.keys import KeySet, checked
from chatkeep.errors import InvalidRequest, StorageFailed
from chatkeep.storage.atomic import (
    Identity,
    identity_of,
    own_alike,
    read_regular,
    replace_file,
    storage_errors,
)
from chatkeep.storage.folder import Folder

_FORMAT = 1


class _File(msgspec.Struct):
    format: int
    secret: str
    keys: list[msgspec.Raw]


class KeyFile:
    """The keys of one data folder."""

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)
        self._path = self._folder.keys

    def read(self) -> KeySet | None:
        """The keys; None when there is no file. Raises: StorageFailed when it cannot be read or is no file of keys."""
        try:
            with storage_errors(f"The keys in {self._path} cannot be read"):
                data, _ = read_regular(self._path)
        except StorageFailed as exc:
            if isinstance(exc.__cause__, FileNotFoundError):
                return None
            raise
        return _decode(self._path, data)

    def read_or_make(self) -> KeySet:
        """The keys, in a file that is made when missing. Raises: StorageFailed."""
        return self.read() or self.change(lambda keys: keys)

    def change(self, how: Callable[[KeySet], KeySet]) -> KeySet:
        """Put what `how` makes of the keys in their place; nobody else changes them meanwhile.

        After return it survives a power cut. Raises: StorageFailed, and what `how` raises; then nothing changed.
        """
        with self._held():
            keys = how(self.read() or KeySet.new())
            document = {"format": _FORMAT, "secret": keys.secret, "keys": keys.keys}
            with storage_errors(f"The keys in {self._path} could not be saved"):
                replace_file(
                    self._path, msgspec.json.format(msgspec.json.encode(document)) + b"\n", self._folder.temporary
                )
            return keys

    def identity(self) -> Identity | None:
        """What tells one state of the file from another; None when it is not there or cannot be seen."""
        try:
            return identity_of(os.lstat(self._path))
        except OSError:
            return None

    @contextlib.contextmanager
    def _held(self) -> Iterator[None]:
        self._folder.make()
        with storage_errors(f"The data folder {self._folder.root} cannot be used"):
            descriptor = os.open(self._folder.keys_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            own_alike(self._folder.keys_lock, self._folder.own)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _decode(path: Path, data: bytes) -> KeySet:
    try:
        file = msgspec.json.decode(data, type=_File)
        if file.format == _FORMAT:
            return checked(msgspec.json.decode(data, type=KeySet))
    except (msgspec.MsgspecError, ValueError, InvalidRequest) as exc:
        raise StorageFailed(
            f"{path} is not a file of keys: {exc}. Mend it, or move it away and add keys anew."
        ) from exc
    raise StorageFailed(f"{path} has format {file.format}; this version reads {_FORMAT}.")
