"""Idempotency keys: the same key and body give the same run, however often and however close together."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from chatkeep.chat.locks import Locks
from chatkeep.chat.model import Idempotency
from chatkeep.chat.ports import ChatStore
from chatkeep.chat.run import Run
from chatkeep.errors import IdempotencyMismatch, RunNotFound

_KEPT_S = 24 * 3600


class IdempotencyKeys:
    """Keys of runs that may not be in a chat yet; those that are, the store finds."""

    def __init__(self, store: ChatStore) -> None:
        self._store = store
        self._runs: dict[tuple[str, str], tuple[float, Idempotency, str]] = {}
        self._locks = Locks[tuple[str, str]]()

    async def once(
        self,
        owner: str,
        given: Idempotency | None,
        begin: Callable[[], Awaitable[Run]],
        again: Callable[[str], Awaitable[Run]],
    ) -> Run:
        """The run that the key made before, by `again`; else, and without a key, the one that `begin` makes.

        Raises: IdempotencyMismatch, and what `begin` raises; then the key is as it was.
        """
        if given is None:
            return await begin()
        async with self._holding(owner, given) as earlier:
            if earlier is not None:
                # A chat that was deleted took the run with it: then the key is as good as new.
                with suppress(RunNotFound):
                    return await again(earlier)
            run = await begin()
            self._remember(owner, given, run.run_id)
            return run

    @asynccontextmanager
    async def _holding(self, owner: str, given: Idempotency) -> AsyncIterator[str | None]:
        """Hold the key alone and give the run it made before, None when it is new. Raises: IdempotencyMismatch."""
        async with self._locks.holding((owner, given.key)):
            yield await self._find(owner, given)

    def _remember(self, owner: str, given: Idempotency, run_id: str) -> None:
        """The key, which is held, has made `run_id`."""
        self._forget_old()
        self._runs[owner, given.key] = (time.monotonic(), given, run_id)

    async def _find(self, owner: str, given: Idempotency) -> str | None:
        known = self._runs.get((owner, given.key))
        if known is not None:
            _, earlier, run_id = known
        else:
            found = await self._store.find_idempotent(owner, given.key)
            if found is None:
                return None
            run_id, earlier = found[0].run_id, found[1]
        if earlier.body != given.body:
            raise IdempotencyMismatch("This Idempotency-Key was used with another body.")
        return run_id

    def _forget_old(self) -> None:
        """Dicts keep their order, so the oldest keys stand first."""
        limit = time.monotonic() - _KEPT_S
        while self._runs:
            place = next(iter(self._runs))
            if self._runs[place][0] >= limit:
                return
            del self._runs[place]
