"""All that watches one server: request log and metrics. Each may be switched off, and then costs nothing."""

from typing import Protocol

from chatkeep.chat.observe import RunObserver
from chatkeep.chat.ports import ChatStore, RunLog
from chatkeep.telemetry.measured import MeasuredLog, MeasuredStore
from chatkeep.telemetry.metrics import Metrics
from chatkeep.telemetry.requests import RequestLog


class OnRequest(Protocol):
    """What is told of every request."""

    def __call__(
        self, *, method: str, route: str, status: int, duration_s: float, bytes_sent: int, subject: str | None
    ) -> None:
        """The request has been answered."""
        ...


class Instruments:
    """What the settings ask for. `metrics` is None when they are off."""

    def __init__(self, version: str, *, log_requests: bool, metrics: bool) -> None:
        self.metrics = Metrics(version) if metrics else None
        self._log = RequestLog() if log_requests else None

    @property
    def on_request(self) -> list[OnRequest]:
        """What to tell of every request."""
        metrics = self.metrics.requests if self.metrics else None
        return [each for each in (self._log, metrics) if each is not None]

    @property
    def on_run(self) -> list[RunObserver]:
        """What to tell of every run."""
        return [self.metrics.runs] if self.metrics else []

    def store(self, store: ChatStore) -> ChatStore:
        """`store`, timed when there are metrics."""
        return MeasuredStore(store, self.metrics.store) if self.metrics else store

    def journal(self, log: RunLog) -> RunLog:
        """`log`, timed when there are metrics."""
        return MeasuredLog(log, self.metrics.journal) if self.metrics else log
