"""One lock a name, there only while somebody wants it."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)


class Locks(Generic[Name]):
    """Locks by name. Not for several event loops."""

    def __init__(self) -> None:
        self._held: dict[Name, _Wanted] = {}

    @asynccontextmanager
    async def holding(self, name: Name) -> AsyncIterator[None]:
        """Hold the lock of that name alone; those who wait get it in order."""
        wanted = self._held.setdefault(name, _Wanted())
        wanted.by += 1
        try:
            async with wanted.lock:
                yield
        finally:
            # Race: a lock that is free may be about to be taken by one who waits, so they are counted.
            wanted.by -= 1
            if not wanted.by:
                del self._held[name]


class _Wanted:
    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.by = 0
