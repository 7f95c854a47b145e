"""Journal first, then show: writes what runs took, in batches for all runs, and reveals it.

The journal is written at once when it was idle, and then at a pace, so that events of a stream
that come close together share a write, here and to each follower.
"""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from chatkeep.chat.ports import RunLog
from chatkeep.chat.run import Run
from chatkeep.errors import StorageFailed

_logger = structlog.get_logger("chatkeep.recorder")

# Limit: the pace is what a kill can cost of streamed text, unseen by readers; 250 ms are promised.
_PACE_S = 0.010
_BUSY_PACE_S = 0.040  # two tokens a write at 50 tokens/s: 52 µs of CPU a token in place of 66, with 100 streams
_BUSY_RUNS = 32  # as many runs in one write make a server busy


class Recorder:
    """The one writer of all runs' journals. `lost` is called when a run's events could not be written."""

    def __init__(self, log: RunLog, lost: Callable[[Run, StorageFailed], None]) -> None:
        self._log = log
        self._lost = lost
        self._waiting: dict[str, Run] = {}
        self._wake = asyncio.Event()
        self._next_write = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin writing. Call once, within the event loop."""
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._write_forever(), name="recorder")

    async def aclose(self) -> None:
        """Write what is waiting, then end."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        await self._write()

    @property
    def waiting(self) -> int:
        """How many runs have events that are not written yet."""
        return len(self._waiting)

    def publish(self, run: Run) -> None:
        """`run` has taken events: write them soon, its last one at once, and reveal them."""
        if self._task is not None and self._task.done():
            # Why: the event loop is being taken down, and nobody should wait for a write that never comes.
            run.reveal_all()
            return
        self._waiting[run.run_id] = run
        if run.closed or self._loop.time() >= self._next_write:
            self._wake.set()
        elif self._timer is None:
            self._timer = self._loop.call_at(self._next_write, self._wake.set)

    async def _write_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            # Race: what comes while we write waits for the next write, which must not be later than its pace.
            is_busy = len(self._waiting) >= _BUSY_RUNS
            self._next_write = self._loop.time() + (_BUSY_PACE_S if is_busy else _PACE_S)
            # Race: a cancelled write would leave lines written and not revealed, so it is let finish.
            await asyncio.shield(self._write())

    async def _write(self) -> None:
        runs, self._waiting = self._waiting, {}
        batch = {run_id: run.unwritten() for run_id, run in runs.items()}
        failed = await self._append(
            {run_id: b"".join(lines) for run_id, (lines, _) in batch.items()},
            [run_id for run_id, run in runs.items() if run.closed],
        )
        for run_id, (lines, count) in batch.items():
            run = runs[run_id]
            if run_id in failed:
                run.take_back(lines)
                self._lost(run, failed[run_id])
            else:
                run.reveal(count)

    async def _append(self, lines: dict[str, bytes], last: list[str]) -> dict[str, StorageFailed]:
        """Append to the journals; whatever breaks, breaks the runs concerned and not the writer of all."""
        try:
            return await self._log.append(lines, last)
        except Exception as exc:
            _logger.exception("journal_crashed")
            return dict.fromkeys(lines, StorageFailed(f"The journal broke by an unexpected {type(exc).__name__}."))
