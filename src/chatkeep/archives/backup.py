"""A backup: the files of chats, byte for byte, as a gzipped tar that is written and read from the front to the back.

Its members are `ID.json` and `@owner/ID.json`, as they stand in a data folder, so `tar xzf` makes one of it; the last
says that it is whole.
"""

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO, Self

import msgspec

from chatkeep.archives.bounded import Bounded
from chatkeep.archives.files import LAST_MEMBER, SUFFIX, too_large
from chatkeep.archives.record import ArchiveBroken, Bounds, Records, Stored, Unmapped, one_line
from chatkeep.chat.model import ChatKey, now

MAGIC = b"\x1f\x8b"

_FORMAT = 1
_LEVEL = 6  # of gzip: 9 takes three times as long for 1 % less


class BackupEnd(msgspec.Struct, frozen=True):
    """The last member: how many chats stand before it. `format` is 1."""

    format: int
    chats: int
    made_at: str


class BackupWriter:
    """Writes a backup to `target`, which it does not close. It is whole when its `with` ends without an exception."""

    def __init__(self, target: BinaryIO) -> None:
        self.chats = 0
        self._packed = gzip.GzipFile(fileobj=target, mode="wb", filename="", compresslevel=_LEVEL)
        self._archive = tarfile.open(fileobj=self._packed, mode="w|")  # noqa: SIM115 - closed by __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_rest: object) -> None:
        if kind is None:
            end = BackupEnd(_FORMAT, self.chats, now())
            self._add(LAST_MEMBER, msgspec.json.encode(end) + b"\n", end.made_at)
        self._archive.close()
        self._packed.close()

    def add(self, key: ChatKey, data: bytes, last_updated: str) -> None:
        """Add the file of a chat."""
        owner = f"@{key.owner}/" if key.owner else ""
        self._add(f"{owner}{key.chat_id}{SUFFIX}", data, last_updated)
        self.chats += 1

    def _add(self, name: str, data: bytes, moment: str) -> None:
        member = tarfile.TarInfo(name)
        member.size = len(data)
        member.mode = 0o600
        member.mtime = int(datetime.fromisoformat(moment).timestamp())
        self._archive.addfile(member, io.BytesIO(data))
        self._archive.members.clear()  # type: ignore[attr-defined]  # Workaround: it keeps all that it has written


def read_backup(source: BinaryIO, bounds: Bounds, packed_bytes: int) -> Records:
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
        return too_large(member.name, bounds)
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
