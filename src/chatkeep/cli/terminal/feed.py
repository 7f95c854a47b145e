"""Events that are read in a thread, so that Ctrl-C is heard and the screen moves while none comes."""

import contextlib
import queue
import signal
import threading
from collections.abc import Iterator
from enum import Enum
from types import FrameType
from typing import Self

from chatkeep.chat.events import RunEvent
from chatkeep.cli.exit_codes import CliError
from chatkeep.cli.following import Reconnecting


class Signal(Enum):
    """What comes beside events."""

    INTERRUPT = "interrupt"
    END = "end"


Received = RunEvent | Reconnecting | Signal


class Feed:
    """The events of `events` in a `with`, in which Ctrl-C is one of them. To be used by the main thread.

    Who leaves the `with` before the end leaves the events to themselves: the thread ends with the next one.
    """

    def __init__(self, events: Iterator[RunEvent | Reconnecting]) -> None:
        self._events = events
        # Why this one: its `put` may be called in a signal handler (Python's docs on `queue.SimpleQueue`).
        self._queue: queue.SimpleQueue[Received | CliError] = queue.SimpleQueue()
        self._error: CliError | None = None
        self._left = False

    def __enter__(self) -> Self:
        self._old_handler = signal.signal(signal.SIGINT, self._interrupt)
        threading.Thread(target=self._read, name="events", daemon=True).start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._left = True
        signal.signal(signal.SIGINT, self._old_handler)

    def take(self, wait_s: float) -> list[Received]:
        """All that has come, after waiting up to `wait_s` seconds for something; `Signal.END` is the last.

        Raises: CliError.
        """
        if self._error is not None:
            raise self._error
        found: list[Received] = []
        with contextlib.suppress(queue.Empty):
            received = self._queue.get(timeout=wait_s)
            while not isinstance(received, CliError):
                found.append(received)
                received = self._queue.get_nowait()
            self._error = received
        if self._error is not None and not found:  # else first what came before it
            raise self._error
        return found

    def _interrupt(self, _number: int, _frame: FrameType | None) -> None:
        self._queue.put(Signal.INTERRUPT)

    def _read(self) -> None:
        try:
            for event in self._events:
                self._queue.put(event)
                if self._left:
                    return
        except CliError as exc:
            self._queue.put(exc)
        except Exception:
            # Race: who left may have closed the connection that is read here.
            if not self._left:
                raise
        finally:
            self._queue.put(Signal.END)
