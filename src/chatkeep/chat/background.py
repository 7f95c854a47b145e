"""Work that nobody waits for: a few pieces at a time, so many waiting and no more, and all of it given up at a stop."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class Background:
    """Does pieces of work in tasks of their own, `at_once` of them; at most `most_waiting` wait for their turn."""

    def __init__(self, at_once: int, most_waiting: int) -> None:
        self._most = at_once + most_waiting
        self._places = asyncio.Semaphore(at_once)
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, work: Callable[[], Coroutine[Any, Any, None]], name: str) -> bool:
        """Do `work`, which raises nothing, as soon as there is a place; False, and not at all, when too many wait."""
        if len(self._tasks) >= self._most:
            return False
        task = asyncio.create_task(self._in_place(work), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def aclose(self) -> None:
        """Give up what is going and what waits."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _in_place(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        async with self._places:
            await work()


async def to_its_end(write: Coroutine[Any, Any, None]) -> None:
    """Await `write`. When this task is cancelled meanwhile, it ends before that goes on.

    Why: a write that has begun takes milliseconds, and must not be parted from what the store notes of it.
    """
    task = asyncio.ensure_future(write)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.gather(task, return_exceptions=True)
        raise
