"""Chats of our own as they stand in files: one, a folder of them, or a backup. Nothing of them is changed."""

import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import msgspec

from chatkeep.archives.bounded import Bounded
from chatkeep.archives.record import ArchiveBroken, Bounds, Records, Stored, Unmapped, in_mib, one_line

SUFFIX = ".json"
LAST_MEMBER = "chatkeep-backup.json"
"""What a backup ends with: a BackupEnd. One without it is not whole."""

_OWN_FOLDER = ".chatkeep"


class BackupEnd(msgspec.Struct, frozen=True):
    """The last member of a backup: how many chats stand before it."""

    format: int
    chats: int
    made_at: str


def file_of_ours(path: Path, bounds: Bounds, *, owner: str | None = None, chat_id: str | None = None) -> Records:
    """The file of a chat."""
    try:
        if path.stat().st_size > bounds.file_bytes:
            yield _too_large(path.name, bounds)
        else:
            yield Stored(path.name, owner, chat_id, path.read_bytes())
    except OSError as exc:
        yield Unmapped(path.name, f"cannot be read: {exc.strerror}")


def folder_of_ours(folder: Path, bounds: Bounds) -> Records:
    """A chats folder, or a backup that somebody unpacked: `ID.json`, and `@owner/ID.json`."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name.startswith("@"):
            for each in sorted(path.glob(f"*{SUFFIX}")):
                yield from file_of_ours(each, bounds, owner=path.name[1:], chat_id=each.stem)
        elif path.suffix == SUFFIX and path.is_file() and path.name != LAST_MEMBER:
            yield from file_of_ours(path, bounds, owner="", chat_id=path.stem)
        elif path.name not in {_OWN_FOLDER, LAST_MEMBER}:
            yield Unmapped(one_line(path.name), "is no file of a chat; left out")


def backup(source: BinaryIO, bounds: Bounds, packed_bytes: int) -> Records:
    """The chats of a backup that `chatkeep export --all` wrote: a gzipped tar, read as a stream.

    `packed_bytes` is its size. One that breaks off gives what came before, and a finding.
    """
    count = 0
    try:
        with _opened(source, bounds, packed_bytes) as (archive, unpacked):
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # Workaround: it keeps all that it has seen
                if member.name == LAST_MEMBER:
                    yield from _end(archive, member, count)
                    return
                found = _member(archive, member, bounds)
                unpacked.rest()
                count += isinstance(found, Stored)
                yield found
    except (tarfile.TarError, ArchiveBroken, zlib.error, EOFError, OSError, ValueError) as exc:
        yield Unmapped(f"after chat {count}", f"the backup cannot be read on: {one_line(exc)}")
        return
    yield Unmapped(f"after chat {count}", "the backup breaks off: what would say that it is whole is missing")


@contextmanager
def _opened(source: BinaryIO, bounds: Bounds, packed_bytes: int) -> Iterator[tuple[tarfile.TarFile, Bounded]]:
    unpacked = Bounded(_Unzipped(source), bounds, packed_bytes)
    unpacked.rest()
    # Why `r|`: it reads from the front to the back and never seeks. Names in it never become a path of ours.
    with tarfile.open(fileobj=unpacked, mode="r|", bufsize=64 * 1024) as archive:  # type: ignore[call-overload]  # it only reads
        yield archive, unpacked


class _Unzipped:
    """The bytes of a gzip stream. Raises: ArchiveBroken where it ends before its end."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._decoder = zlib.decompressobj(wbits=31)
        self._rest = b""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, none at the end."""
        while not self._decoder.eof:
            piece = self._rest or self._source.read(64 * 1024)
            if not piece:
                raise ArchiveBroken("it ends in the middle")
            data = self._decoder.decompress(piece, max(size, 1))
            self._rest = self._decoder.unconsumed_tail
            if data:
                return data
        return b""


def _member(archive: tarfile.TarFile, member: tarfile.TarInfo, bounds: Bounds) -> Stored | Unmapped:
    named = PurePosixPath(member.name)
    owners = named.parts[:-1]
    is_ours = not owners or (len(owners) == 1 and owners[0].startswith("@"))
    if not member.isfile() or named.suffix != SUFFIX or not is_ours:
        return Unmapped(one_line(member.name), "is no file of a chat; left out")
    if member.size > bounds.file_bytes:
        return _too_large(member.name, bounds)
    file = archive.extractfile(member)
    data = file.read() if file else b""
    if len(data) != member.size:
        raise ArchiveBroken(f"{one_line(member.name)} ends in the middle")
    return Stored(member.name, owners[0][1:] if owners else "", named.stem, data)


def _end(archive: tarfile.TarFile, member: tarfile.TarInfo, count: int) -> Iterator[Unmapped]:
    file = archive.extractfile(member)
    end = msgspec.json.decode(file.read(4096) if file else b"", type=BackupEnd)
    if end.chats != count:
        yield Unmapped(LAST_MEMBER, f"says that there are {end.chats} chats, and there are {count}")


def _too_large(name: str, bounds: Bounds) -> Unmapped:
    return Unmapped(one_line(name), f"is larger than {in_mib(bounds.file_bytes)}; left out")
