"""Cut a byte stream into events: server-sent events and lines of JSON. What they mean: openai_wire.py and its like.

Pure: bytes in, bytes out. Pieces may be cut anywhere, also inside a character.
Grammar: WHATWG HTML, section 9.2.6. Only `data` matters to us; `event`, `id`, `retry` and comments are dropped.
"""

MAX_EVENT_BYTES = 1_048_576  # Limit: an upstream that never ends its line must not fill our memory.

_BOM = b"\xef\xbb\xbf"


class EventTooLong(ValueError):
    """One event is longer than `MAX_EVENT_BYTES`: give up on the stream."""


class _Pieces:
    """Cut a stream at a separator; each byte is looked at once, however small the chunks are."""

    def __init__(self, separator: bytes) -> None:
        self._separator = separator
        self._tail = bytearray()

    def feed(self, chunk: bytes) -> list[bytes]:
        """The pieces that `chunk` completes, without separators. Raises: EventTooLong."""
        if self._tail:
            joined = self._join(chunk)
            if joined is None:
                return []
            chunk = joined
        pieces = chunk.split(self._separator)
        if rest := pieces.pop():
            self._tail += rest
        if len(chunk) > MAX_EVENT_BYTES and len(max((*pieces, rest), key=len)) > MAX_EVENT_BYTES:
            raise EventTooLong(f"an event is longer than {MAX_EVENT_BYTES} bytes")
        return pieces

    def _join(self, chunk: bytes) -> bytes | None:
        """The kept tail and `chunk`, taken out; None while they hold no separator."""
        start = max(0, len(self._tail) - len(self._separator) + 1)
        self._tail += chunk
        if self._tail.find(self._separator, start) < 0:
            if len(self._tail) > MAX_EVENT_BYTES:
                raise EventTooLong(f"an event is longer than {MAX_EVENT_BYTES} bytes")
            return None
        return self.take()

    def take(self) -> bytes:
        """What is kept of an unfinished piece; it is then forgotten."""
        tail = bytes(self._tail)
        self._tail.clear()
        return tail


class SseDecoder:
    """The data of each whole server-sent event; events without data are dropped."""

    def __init__(self) -> None:
        self._blocks = _Pieces(b"\n\n")
        self._after_cr = False
        self._at_start = True

    def feed(self, chunk: bytes) -> list[bytes]:
        """The data of the events that `chunk` completes, in order. Raises: EventTooLong."""
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_lf(chunk)
        blocks = self._blocks.feed(chunk)
        if self._at_start and blocks:
            self._at_start = False
            blocks[0] = blocks[0].removeprefix(_BOM)
        # Why the test in front: it is the shape of nearly every event, and this runs for every token.
        found = [
            block[6:] if block.startswith(b"data: ") and b"\n" not in block else _data_of(block) for block in blocks
        ]
        return found if all(found) else [data for data in found if data]

    def end(self) -> list[bytes]:
        """The data of a last event without its blank line; the standard drops it, services rely on it."""
        block = self._blocks.take()
        data = _data_of(block.removeprefix(_BOM) if self._at_start else block)
        return [data] if data else []

    def _with_lf(self, chunk: bytes) -> bytes:
        """`chunk` with every line end as LF. A CR at its end may be half of a CRLF: the next LF is dropped then."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_cr = False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        # Why not replace for both: it takes half as long again for what Gemini sends.
        return b"\n".join(chunk.split(b"\r\n")).replace(b"\r", b"\n")


class LineDecoder:
    """Each whole line of a newline-delimited stream; blank lines are dropped."""

    def __init__(self) -> None:
        self._lines = _Pieces(b"\n")

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that `chunk` completes, in order. Raises: EventTooLong."""
        return [line for line in self._lines.feed(chunk) if line.strip()]

    def end(self) -> list[bytes]:
        """A last line without its newline."""
        line = self._lines.take()
        return [line] if line.strip() else []


def _data_of(block: bytes) -> bytes:
    """The `data` lines of one event, joined by newlines; empty when it has none."""
    first, _, rest = block.partition(b"\n")
    # Why the test in front: so are all events of Anthropic.
    if first.startswith(b"event: ") and rest.startswith(b"data: ") and b"\n" not in rest:
        return rest[6:]
    if b"data" not in block:  # Why: a flood of comments and blank lines must not hold everybody up.
        return b""
    lines = (line for line in block.split(b"\n") if line.startswith(b"data:"))
    return b"\n".join(line[5:].removeprefix(b" ") for line in lines)
