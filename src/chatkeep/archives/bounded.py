"""What is unpacked of a compressed archive, counted: a small file may unfold to more than any disk holds."""

from chatkeep.archives.clean import Readable
from chatkeep.archives.record import ArchiveBroken, Bounds, in_mib


class Bounded:
    """`source`, which unpacks `packed_bytes`, given up when it is more than `bounds` allow.

    What is read between two calls of `rest` is at most two files, so that no length in a header fills the memory.
    """

    def __init__(self, source: Readable, bounds: Bounds, packed_bytes: int) -> None:
        self._source = source
        self._bounds = bounds
        self._packed_bytes = packed_bytes
        self._bytes = 0
        self._rested_at: int | None = None

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, none at the end. Raises: ArchiveBroken."""
        data = self._source.read(size)
        self._bytes += len(data)
        most = min(self._bounds.unpacked_bytes, self._ratio_bytes())
        if self._bytes > most:
            raise ArchiveBroken(f"it unfolds to more than {in_mib(most)}, which no chats do")
        if self._rested_at is not None and self._bytes - self._rested_at > 2 * self._bounds.file_bytes:
            raise ArchiveBroken(f"a part is larger than {in_mib(self._bounds.file_bytes)}")
        return data

    def rest(self) -> None:
        """A part is read."""
        self._rested_at = self._bytes

    def _ratio_bytes(self) -> int:
        return max(self._bounds.value_bytes, self._packed_bytes * self._bounds.ratio)
