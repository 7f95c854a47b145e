"""Files that are whole or not there: atomic replacement, and what the disk's refusals mean."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from chatkeep.errors import StorageFailed, StorageFull

_63_BITS = 2**63 - 1
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG}


class Identity(msgspec.Struct, frozen=True):
    """What tells one state of a file from another, as git does: size in bytes, mtime in nanoseconds, inode."""

    size: int
    mtime_ns: int
    inode: int


def identity_of(found: os.stat_result) -> Identity:
    """The identity in a stat result."""
    # Limit: SQLite keeps 63 bits, some file systems have inodes of 64.
    return Identity(found.st_size, found.st_mtime_ns & _63_BITS, found.st_ino & _63_BITS)


def modified_at(identity: Identity) -> datetime:
    """When the file was written; a time that no calendar has is the beginning of ours."""
    try:
        return datetime.fromtimestamp(identity.mtime_ns / 1e9, UTC)
    except (ValueError, OverflowError, OSError):
        return datetime.fromtimestamp(0, UTC)


@contextlib.contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Turn the operating system's refusals within into ours; `what` begins the sentence."""
    try:
        yield
    except OSError as exc:
        reason = os.strerror(exc.errno) if exc.errno else str(exc)
        kind = StorageFull if exc.errno in _NO_ROOM else StorageFailed
        raise kind(f"{what}: {reason}.") from exc


def write_new(path: Path, data: bytes) -> Identity:
    """Write `data` to `path`, which must not exist, and sync it. Raises: OSError; then there is no file."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_all(descriptor, data)
        os.fsync(descriptor)
        return identity_of(os.fstat(descriptor))
    except BaseException:
        with contextlib.suppress(OSError):
            path.unlink()
        raise
    finally:
        os.close(descriptor)


def replace_file(path: Path, data: bytes, temporary_folder: Path) -> None:
    """Put `data` at `path`. After return it survives a power cut. If it raises, the old file is whole. Raises: OSError.

    What a kill leaves in `temporary_folder`, which is on the same file system, the next start removes.
    """
    temporary = temporary_folder / f"{path.name}-{os.urandom(8).hex()}"
    write_new(temporary, data)
    try:
        own_alike(temporary, path if path.exists() else path.parent)
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def own_alike(new: Path, old: Path) -> None:
    """As root, give `new` to the owner of `old`: a command of root's must not lock the server out of a file."""
    if os.geteuid() == 0:
        found = old.stat()
        # Why not what a link leads to: its owner may have put one there, to be given another file.
        os.chown(new, found.st_uid, found.st_gid, follow_symlinks=False)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`; a disk that fills up takes a part of it first. Raises: OSError."""
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_regular(path: Path) -> tuple[bytes, Identity]:
    """The bytes of a regular file and the identity they had. Links and pipes are refused. Raises: OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        # Why not to be closed by it: it would not, where it refuses the descriptor.
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(), identity_of(found)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make `path` and those above it, and make them survive a power cut. Raises: OSError."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
        own_alike(path, path.parent)
    sync_folder(path.parent)
