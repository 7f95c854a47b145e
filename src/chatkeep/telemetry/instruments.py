"""All that watches one server: request log, metrics, traces. Each may be switched off, and then costs nothing."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from chatkeep.access.answered import RequestObserver
from chatkeep.chat.observe import RunObserver
from chatkeep.chat.ports import ChatStore, RunLog
from chatkeep.telemetry.measured import MeasuredLog, MeasuredStore
from chatkeep.telemetry.metrics import Metrics
from chatkeep.telemetry.requests import RequestLog
from chatkeep.telemetry.tracing import Tracing, open_tracing


class Instruments:
    """What the settings ask for. `metrics` is None when they are off."""

    def __init__(self, version: str, *, log_requests: bool, metrics: bool, traces: bool) -> None:
        """Raises: ChatkeepError when traces are wanted and their packages are missing."""
        self.metrics = Metrics(version) if metrics else None
        self._log = RequestLog() if log_requests else None
        self._tracing: Tracing | None = open_tracing(version) if traces else None

    @property
    def on_request(self) -> list[RequestObserver]:
        """What to tell of every request."""
        metrics = self.metrics.requests if self.metrics else None
        return [each for each in (self._log, metrics, self._tracing) if each is not None]

    @property
    def on_run(self) -> list[RunObserver]:
        """What to tell of every run."""
        metrics = self.metrics.runs if self.metrics else None
        return [each for each in (metrics, self._tracing) if each is not None]

    @property
    def around_request(self) -> Callable[[Mapping[str, Any]], AbstractContextManager[None]] | None:
        """What every request happens in, None when nothing needs it."""
        return self._tracing.around if self._tracing else None

    def store(self, store: ChatStore) -> ChatStore:
        """`store`, timed when there are metrics."""
        return MeasuredStore(store, self.metrics.store) if self.metrics else store

    def journal(self, log: RunLog) -> RunLog:
        """`log`, timed when there are metrics."""
        return MeasuredLog(log, self.metrics.journal) if self.metrics else log

    async def aclose(self) -> None:
        """Send what waits to be sent, for a few seconds at most."""
        if self._tracing is not None:
            await self._tracing.aclose()
