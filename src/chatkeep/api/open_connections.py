"""What stays open after it was admitted: streams, sockets and waiting requests, each with who it belongs to."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Literal

from chatkeep.access.subject import Subject
from chatkeep.errors import RateLimited, Unauthorized

Kind = Literal["stream", "socket", "wait", "probe"]

# Of one owner, which may be a front end with one key for all of its people. A stream that nobody reads holds about
# 200 KiB, and is cut after 30 s without progress. A look by the doctor needs six test connections.
MOST: dict[Kind, int] = {"stream": 2000, "socket": 100, "wait": 2000, "probe": 24}
_NAMES: dict[Kind, str] = {
    "stream": "streams",
    "socket": "WebSockets",
    "wait": "requests that wait for a reply",
    "probe": "test connections of the doctor",
}


class OpenConnections:
    """All that is open now, so that a credential that dies can take its own with it, and no owner has too many."""

    def __init__(self) -> None:
        self._open: dict[object, tuple[Kind, Subject, Callable[[], None]]] = {}
        self._counts = Counter[tuple[Kind, str]]()

    def count(self, kind: Kind) -> int:
        """How many of this kind are open."""
        return sum(kind == found for found, _, _ in self._open.values())

    def check(self, kind: Kind, subject: Subject) -> None:
        """Return when `subject` may open one more. Raises: RateLimited."""
        if self._counts[kind, subject.owner] >= MOST[kind]:
            raise RateLimited(f"There are {MOST[kind]} {_NAMES[kind]} already.", retry_after_s=1)

    @contextmanager
    def registered(self, kind: Kind, subject: Subject, close: Callable[[], None]) -> Iterator[None]:
        """While this lasts, `close` ends the connection of `subject` soon. It returns at once and may come twice.

        Raises: RateLimited.
        """
        self.check(kind, subject)
        place, counted = object(), (kind, subject.owner)
        self._open[place] = kind, subject, close
        self._counts[counted] += 1
        try:
            yield
        finally:
            del self._open[place]
            self._counts[counted] -= 1
            if not self._counts[counted]:
                del self._counts[counted]

    @asynccontextmanager
    async def waiting(self, subject: Subject) -> AsyncIterator[None]:
        """What is awaited in here ends when the credential of `subject` dies.

        Raises: Unauthorized then; RateLimited.
        """
        # Why a deadline that is none: it can be moved to now, from outside, and ends this and nothing else.
        limit = asyncio.timeout(None)

        def end() -> None:
            with suppress(RuntimeError):  # it has ended by itself
                limit.reschedule(0)

        with self.registered("wait", subject, end):
            try:
                async with limit:
                    yield
            except TimeoutError as exc:
                if not limit.expired():
                    raise
                raise Unauthorized("The key is no longer valid.") from exc

    def close_where(self, matches: Callable[[Subject], bool]) -> int:
        """Close every connection whose subject `matches`, and say how many. Nothing more is sent on them but their end.

        Clients that come back are asked for their key again.
        """
        found = [close for _, subject, close in list(self._open.values()) if matches(subject)]
        for close in found:
            close()
        return len(found)
