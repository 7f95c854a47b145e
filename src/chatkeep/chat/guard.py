"""Limits of one run: silence, total time, length, and a model stuck in a loop."""

import asyncio
from types import TracebackType
from typing import Self

import msgspec

from chatkeep.errors import ProviderTimedOut


class Limits(msgspec.Struct, frozen=True):
    """Bounds of every run, in seconds and characters."""

    first_token_s: float
    stall_s: float
    run_s: float
    max_output_chars: int
    loop_guard: bool


class Watch:
    """Cancels the current task when the provider is silent or slow for longer than the limits allow.

    Use as a context manager around the provider's stream and call `touch` for each event. `expired` then
    says which limit it was. One timer a run: a touch only notes the time.
    """

    def __init__(self, limits: Limits, provider: str) -> None:
        self.expired: ProviderTimedOut | None = None
        self._limits = limits
        self._provider = provider
        self._loop = asyncio.get_running_loop()
        self._touched: float | None = None

    def __enter__(self) -> Self:
        task = asyncio.current_task()
        assert task is not None, "a watch guards a task"
        self._task = task
        self._began = self._loop.time()
        self._timer = self._loop.call_at(self._next()[0], self._look)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._timer.cancel()

    def touch(self) -> None:
        """The provider has just said something."""
        began, self._touched = self._touched is None, self._loop.time()
        if began:
            # Why: the limit between tokens may be passed before the one for the first token was set to ring.
            self._timer.cancel()
            self._timer = self._loop.call_at(self._next()[0], self._look)

    def _next(self) -> tuple[float, str]:
        """The earliest moment a limit would be passed, and the limit in words."""
        limits, total = self._limits, (self._began + self._limits.run_s, f"was not done after {self._limits.run_s:g} s")
        if self._touched is None:
            silent = (self._began + limits.first_token_s, f"gave no token within {limits.first_token_s:g} s")
        else:
            silent = (self._touched + limits.stall_s, f"was silent for {limits.stall_s:g} s")
        return min(silent, total)

    def _look(self) -> None:
        moment, what = self._next()
        if self._loop.time() < moment:
            self._timer = self._loop.call_at(moment, self._look)
            return
        self.expired = ProviderTimedOut(f"{self._provider} {what}.")
        self._task.cancel()


_CHECK_EVERY = 128  # characters between two looks
_TAIL = 8192  # characters looked at: eight repeats of a paragraph of 1,000
_PROBE = 24  # characters that must have stood before for a period to be tried
_LEAST = 400  # characters a loop must cover
_REPEATS = 8
_TRIES = 4  # periods tried a look, nearest first


class LoopGuard:
    """Sees when a text's end repeats itself: a loop covers `_LEAST` characters and `_REPEATS` repeats."""

    def __init__(self) -> None:
        self._tail = ""
        self._new: list[str] = []
        self._grown = 0

    def feed(self, text: str) -> bool:
        """Add `text`; return whether the end now loops."""
        self._new.append(text)
        self._grown += len(text)
        if self._grown < _CHECK_EVERY:
            return False
        self._tail = (self._tail + "".join(self._new))[-_TAIL:]
        self._new.clear()
        self._grown = 0
        return loops(self._tail)


def loops(text: str) -> bool:
    """Whether the end of `text` is one phrase again and again."""
    start = len(text) - _PROBE
    probe, found = text[start:], start
    for _ in range(_TRIES):
        found = text.rfind(probe, 0, found + _PROBE - 1)
        if found < 0:
            return False
        period = start - found
        span = max(_LEAST, period * _REPEATS)
        if span > len(text):
            return False
        end = text[-span:]
        if end[period:] == end[:-period]:
            return True
    return False
