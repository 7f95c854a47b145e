"""Who watches runs: metrics, traces, live figures."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import structlog

from chatkeep.chat.model import CheckResult
from chatkeep.chat.run import Run

_logger = structlog.get_logger("chatkeep.chat")


class RunObserver(Protocol):
    """Told of every run. Called on the event loop: must be quick. Who inherits it writes only what it wants to know."""

    def run_taken(self, run: Run) -> None:  # noqa: ARG002 - for who inherits
        """The run is in its journal; it may have to wait for others of its chat."""
        return

    def run_generating(self, run: Run) -> None:  # noqa: ARG002 - for who inherits
        """The provider is being called now. Not called for a run that was stopped before."""
        return

    def run_ended(self, run: Run) -> None:  # noqa: ARG002 - for who inherits
        """The run's last event is revealed: its state, usage and times are fixed."""
        return

    def message_checked(self, results: Sequence[CheckResult]) -> None:  # noqa: ARG002 - for who inherits
        """Checks have said this of a question or a reply."""
        return

    def model_asked(self, run: Run) -> None:  # noqa: ARG002 - for who inherits
        """The server has asked a model for itself (asides.py) by `run`, of which nothing else is told.

        Its usage is fixed.
        """
        return


class Observers:
    """Several observers as one. One that breaks is logged, and harms neither the run nor the others."""

    def __init__(self, observers: Iterable[RunObserver] = ()) -> None:
        self._observers = list(observers)

    def add(self, observer: RunObserver) -> None:
        """From now on `observer` is told too."""
        self._observers.append(observer)

    def run_taken(self, run: Run) -> None:
        """Tell all."""
        self._tell(lambda observer: observer.run_taken(run))

    def run_generating(self, run: Run) -> None:
        """Tell all."""
        self._tell(lambda observer: observer.run_generating(run))

    def run_ended(self, run: Run) -> None:
        """Tell all."""
        self._tell(lambda observer: observer.run_ended(run))

    def message_checked(self, results: Sequence[CheckResult]) -> None:
        """Tell all."""
        self._tell(lambda observer: observer.message_checked(results))

    def model_asked(self, run: Run) -> None:
        """Tell all."""
        self._tell(lambda observer: observer.model_asked(run))

    def _tell(self, tell: Callable[[RunObserver], None]) -> None:
        for observer in self._observers:
            try:
                tell(observer)
            except Exception:
                _logger.exception("observer_crashed")
