"""Limits of one run, and the watch over its time. Which text is a loop: loops/."""

import asyncio
from types import TracebackType
from typing import Self

import msgspec

from chatkeep.errors import ProviderTimedOut


class RunTooLong(ProviderTimedOut):
    """The run's time is over, however much the provider has said: a long answer is no failure of who gives it.

    It has the code of `ProviderTimedOut`, so `error_of` gives that one back, which it meets first.
    """


class Limits(msgspec.Struct, frozen=True):
    """Bounds of every run, in seconds and characters.

    `attempts` is how often one provider is called, from 1; `retry_wait_s` the longest wait between two calls.
    """

    first_token_s: float
    stall_s: float
    run_s: float
    max_output_chars: int
    loop_guard: bool
    attempts: int = 1
    retry_wait_s: float = 10.0


class Watch:
    """Cancels the current task when the provider is silent or slow for longer than the limits allow.

    Use as a context manager around the provider's stream and call `touch` for each event. `expired` then
    says which limit it was. `ends_at` is when the run's time is over, on the loop's clock. One timer a call: a
    touch only notes the time.
    """

    def __init__(self, limits: Limits, provider: str, ends_at: float) -> None:
        self.expired: ProviderTimedOut | None = None
        self._limits = limits
        self._ends_at = ends_at
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

    def _next(self) -> tuple[float, ProviderTimedOut]:
        """The earliest moment a limit would be passed, and the error that this is then."""
        limits = self._limits
        if self._touched is None:
            silent_at, what = self._began + limits.first_token_s, f"gave no token within {limits.first_token_s:g} s"
        else:
            silent_at, what = self._touched + limits.stall_s, f"was silent for {limits.stall_s:g} s"
        if self._ends_at <= silent_at:
            return self._ends_at, RunTooLong(f"{self._provider} was not done after {limits.run_s:g} s.")
        return silent_at, ProviderTimedOut(f"{self._provider} {what}.")

    def _look(self) -> None:
        moment, expired = self._next()
        if self._loop.time() < moment:
            self._timer = self._loop.call_at(moment, self._look)
            return
        self.expired = expired
        self._task.cancel()
