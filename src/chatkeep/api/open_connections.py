"""What stays open after it was admitted: event streams and sockets, each with who it belongs to."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

from chatkeep.access.subject import Subject

Kind = Literal["stream", "socket"]


class OpenConnections:
    """Every stream and socket that is open now, so that a credential that dies can take its own with it."""

    def __init__(self) -> None:
        self._open: dict[object, tuple[Kind, Subject, Callable[[], None]]] = {}

    def count(self, kind: Kind) -> int:
        """How many of this kind are open."""
        return sum(kind == found for found, _, _ in self._open.values())

    @contextmanager
    def registered(self, kind: Kind, subject: Subject, close: Callable[[], None]) -> Iterator[None]:
        """While this lasts, `close` ends the connection of `subject` soon. It returns at once and may come twice."""
        place = object()
        self._open[place] = kind, subject, close
        try:
            yield
        finally:
            del self._open[place]

    def close_where(self, matches: Callable[[Subject], bool]) -> int:
        """Close every connection whose subject `matches`, and say how many. Nothing more is sent on them but their end.

        Clients that come back are asked for their key again.
        """
        found = [close for _, subject, close in list(self._open.values()) if matches(subject)]
        for close in found:
            close()
        return len(found)
