"""Cut a run's event stream, as our own server writes it, into its events. The same grammar: chat/events.py."""

import msgspec

from chatkeep.chat.events import JournalLine


class EventDecoder:
    """Bytes in, whole events out. Comments, `retry` and events of a newer server's are passed over.

    Grammar: WHATWG HTML, section 9.2.6, of which our server uses LF, one `data` line an event, and numbers for ids.
    """

    def __init__(self) -> None:
        self._tail = bytearray()

    def feed(self, chunk: bytes) -> list[JournalLine]:
        """The events that `chunk` completes, in order. Raises: ValueError when they are no events of chatkeep's."""
        # Why from there: a long event comes in many chunks, and each byte is looked at once.
        start = max(0, len(self._tail) - 1)
        self._tail += chunk
        end = self._tail.rfind(b"\n\n", start)
        if end < 0:
            return []
        blocks = bytes(self._tail[:end]).split(b"\n\n")
        del self._tail[: end + 2]
        return [event for block in blocks if (event := _event_of(block)) is not None]


def _event_of(block: bytes) -> JournalLine | None:
    fields: dict[bytes, bytes] = {}
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        fields[name] = value.removeprefix(b" ")
    if b"data" not in fields:
        return None
    return JournalLine(int(fields.get(b"id", b"")), fields.get(b"event", b"").decode(), msgspec.Raw(fields[b"data"]))
