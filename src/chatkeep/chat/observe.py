"""Who watches runs: metrics, traces, live figures."""

from collections.abc import Iterable
from typing import Protocol

import structlog

from chatkeep.chat.run import Run

_logger = structlog.get_logger("chatkeep.chat")


class RunObserver(Protocol):
    """Told of every run. Called on the event loop: must be quick."""

    def run_taken(self, run: Run) -> None:
        """The run is in its journal; it may have to wait for others of its chat."""
        ...

    def run_generating(self, run: Run) -> None:
        """The provider is being called now. Not called for a run that was stopped before."""
        ...

    def run_ended(self, run: Run) -> None:
        """The run's last event is revealed: its state, usage and times are fixed."""
        ...


class Observers:
    """Several observers as one. One that breaks is logged, and harms neither the run nor the others."""

    def __init__(self, observers: Iterable[RunObserver] = ()) -> None:
        self._observers = list(observers)

    def add(self, observer: RunObserver) -> None:
        """From now on `observer` is told too."""
        self._observers.append(observer)

    def run_taken(self, run: Run) -> None:
        """Tell all."""
        for observer in self._observers:
            try:
                observer.run_taken(run)
            except Exception:
                _logger.exception("observer_crashed")

    def run_generating(self, run: Run) -> None:
        """Tell all."""
        for observer in self._observers:
            try:
                observer.run_generating(run)
            except Exception:
                _logger.exception("observer_crashed")

    def run_ended(self, run: Run) -> None:
        """Tell all."""
        for observer in self._observers:
            try:
                observer.run_ended(run)
            except Exception:
                _logger.exception("observer_crashed")
