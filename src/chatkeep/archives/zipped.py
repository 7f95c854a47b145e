"""The zip in which an export comes: read as a stream, never unpacked to a path, and no further than is allowed."""

import struct
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from chatkeep.archives.bounded import Bounded
from chatkeep.archives.record import ArchiveBroken, Bounds, Unmapped, one_line

MAGIC = b"PK\x03\x04"
_END = b"PK\x05\x06"  # end of central directory: APPNOTE.TXT, section 4.3.16
_END_BYTES = 22
_COMMENT_BYTES = 65_535
_DIRECTORY_BYTES = 32 * 1024 * 1024  # zipfile keeps it in memory, about 6 times larger
BROKEN = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError),
    *(ArchiveBroken, OSError, ValueError),
)
"""What reading a zip may raise: it is broken, encrypted, packed in a way that is not known, or not to be read."""


def members(source: BinaryIO, bounds: Bounds) -> Iterator[tuple[str, Bounded]]:
    """The conversations in the zip at `source`, by name and as a stream, in order. Raises: one of BROKEN."""
    _check_directory(source)
    with zipfile.ZipFile(source) as archive:
        for info in sorted(archive.infolist(), key=lambda each: each.filename):
            if _is_wanted(info.filename):
                with archive.open(info) as member:
                    yield info.filename, Bounded(member, bounds, info.compress_size)


def broken(exc: Exception, name: str) -> Unmapped:
    """What there is to say of a zip that cannot be read on."""
    return Unmapped(name, f"the zip cannot be read on: {one_line(exc)}")


def _is_wanted(name: str) -> bool:
    """`conversations.json`, or large exports' `conversations-000.json` and so on, in whatever folder."""
    last = name.rpartition("/")[2]
    return last.startswith("conversations") and last.endswith(".json")


def _check_directory(source: BinaryIO) -> None:
    """Refuse a list of files that does not fit into memory. Raises: ArchiveBroken."""
    source.seek(0, 2)
    source.seek(max(0, source.tell() - _END_BYTES - _COMMENT_BYTES))
    tail = source.read()
    place = tail.rfind(_END)
    if place < 0 or len(tail) - place < _END_BYTES:
        raise ArchiveBroken("it ends before its list of files")
    (directory_bytes,) = struct.unpack_from("<I", tail, place + 12)
    if directory_bytes > _DIRECTORY_BYTES:
        raise ArchiveBroken("its list of files is larger than 32 MiB")
