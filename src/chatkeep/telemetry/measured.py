"""The store and the journals with a clock at each operation."""

import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from typing import Any, ParamSpec, TypeVar

from chatkeep.chat.ports import ChatStore, RunLog
from chatkeep.errors import StorageFailed
from chatkeep.telemetry.metrics import OperationMetrics

P = ParamSpec("P")
T = TypeVar("T")


class MeasuredStore:
    """A ChatStore: `store`, with every operation timed."""

    def __init__(self, store: ChatStore, metrics: OperationMetrics) -> None:
        self.load = _timed(store.load, metrics)
        self.save = _timed(store.save, metrics)
        self.read_file = _timed(store.read_file, metrics)
        self.add = _timed(store.add, metrics)
        self.editing = store.editing
        self.delete = _timed(store.delete, metrics)
        self.generations = _timed(store.generations, metrics)
        self.restore = _timed(store.restore, metrics)
        self.deleted = _timed(store.deleted, metrics)
        self.summaries = _timed(store.summaries, metrics)
        self.search = _timed(store.search, metrics)
        self.newest_turns = _timed(store.newest_turns, metrics)
        self.find_run = _timed(store.find_run, metrics)
        self.find_idempotent = _timed(store.find_idempotent, metrics)
        self.check_writable = _timed(store.check_writable, metrics)


class MeasuredLog:
    """A RunLog: `log`, with every operation timed."""

    def __init__(self, log: RunLog, metrics: OperationMetrics) -> None:
        self.create = _timed(log.create, metrics)
        self._append = _timed(log.append, metrics)
        _, self._append_failures = metrics.of("append")
        self.read = _timed(log.read, metrics)
        self.unfinished = _timed(log.unfinished, metrics)
        self.discard = _timed(log.discard, metrics)

    async def append(self, lines: Mapping[str, bytes], last: Collection[str]) -> dict[str, StorageFailed]:
        """A journal that fails does not raise: it is counted by what is returned."""
        failed = await self._append(lines, last)
        if failed:
            self._append_failures.inc(len(failed))
        return failed


def _timed(call: Callable[P, Awaitable[T]], metrics: OperationMetrics) -> Callable[P, Coroutine[Any, Any, T]]:
    """`call`, timed under its own name."""
    duration, failures = metrics.of(call.__name__)
    observe, clock = duration.observe, time.perf_counter

    async def timed(*arguments: P.args, **options: P.kwargs) -> T:
        began = clock()
        try:
            return await call(*arguments, **options)
        except StorageFailed:
            failures.inc()
            raise
        finally:
            observe(clock() - began)

    return timed
