"""Who follows the runs that are to end when nobody does any more. How they are followed: follow.py."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import structlog

from chatkeep.chat.run import Run

# An EventSource comes back after 1 s (`retry: 1000`, events.py), a page that is loaded anew within a second or two.
_GRACE_S = 3.0

_logger = structlog.get_logger("chatkeep.chat")


class Followers:
    """Counts the followers of each run that says `cancel_on_leave`; of others it takes no note.

    `stop` ends a run. It is called when the last follower has been gone for `grace_s` seconds and no other one has
    come. A run that nobody has followed yet goes on.
    """

    def __init__(self, stop: Callable[[Run], Awaitable[None]]) -> None:
        self._stop = stop
        self.grace_s = _GRACE_S
        self._counts = Counter[str]()
        self._waits: dict[str, asyncio.TimerHandle] = {}
        self._stopping: set[asyncio.Task[None]] = set()

    @contextmanager
    def following(self, run: Run) -> Iterator[None]:
        """While this lasts, somebody follows `run`."""
        if not run.record.cancel_on_leave:
            yield
            return
        self._come(run)
        try:
            yield
        finally:
            self._leave(run)

    async def aclose(self) -> None:
        """Stop no more runs; those that are being stopped have ended on return."""
        for wait in self._waits.values():
            wait.cancel()
        self._waits.clear()
        await asyncio.gather(*self._stopping)

    def _come(self, run: Run) -> None:
        self._counts[run.run_id] += 1
        if (wait := self._waits.pop(run.run_id, None)) is not None:
            wait.cancel()

    def _leave(self, run: Run) -> None:
        self._counts[run.run_id] -= 1
        if not self._counts[run.run_id]:
            del self._counts[run.run_id]
            self._waits[run.run_id] = asyncio.get_running_loop().call_later(self.grace_s, self._end, run)

    def _end(self, run: Run) -> None:
        del self._waits[run.run_id]
        if run.ended:
            return
        _logger.info("run_left", run_id=run.run_id)
        task = asyncio.create_task(self._stopped(run), name=f"leave {run.run_id}")
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)

    async def _stopped(self, run: Run) -> None:
        await self._stop(run)
