"""Bytes that should be UTF-8, made so: a broken letter must not cost the rest of an archive."""

import codecs
from typing import Protocol

from chatkeep.archives.record import Unmapped

_BOM = b"\xef\xbb\xbf"


class Readable(Protocol):
    """What bytes are read from."""

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, none at the end."""
        ...


class CleanReader:
    """`source` in valid UTF-8, without a byte order mark. `found` gets a finding for each piece that is not."""

    def __init__(self, source: Readable, found: list[Unmapped]) -> None:
        self._source = source
        self._found = found
        self._rest = b""
        self._read = 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes and a letter, none at the end."""
        while True:
            chunk = self._source.read(size)
            if self._read == 0:
                chunk = chunk.removeprefix(_BOM)
            data, begins = self._rest + chunk, self._read - len(self._rest)
            self._read += len(chunk)
            clean, used = self._cleaned(data, begins, is_last=not chunk)
            self._rest = data[used:]
            if clean or not chunk:
                return clean

    def _cleaned(self, data: bytes, begins: int, *, is_last: bool) -> tuple[bytes, int]:
        try:
            used = codecs.utf_8_decode(data, "strict", is_last)[1]
        except UnicodeDecodeError as exc:
            self._found.append(
                Unmapped(f"byte {begins + exc.start}", "not UTF-8; U+FFFD stands for each broken letter")
            )
            text, used = codecs.utf_8_decode(data, "replace", is_last)
            return text.encode(), used
        return data[:used], used
