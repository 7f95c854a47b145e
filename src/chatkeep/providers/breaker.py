"""When a provider that keeps failing may be called again. Who asks it, and tells it of calls and checks: watched.py.

Closed, all calls pass. After some failures in a row it opens, and none does until a pause is over and a check, which
costs no tokens, went well. Then it is half-open: one call at a time is let through to try, and the first that is
answered or fails decides. Each failure makes the next pause longer; only an answered call makes it short again.
"""

import random
from enum import Enum

FAILURES = 3  # in a row: with the usual two retries one message finds out, and the next one need not
FIRST_PAUSE_S = 5.0
LONGEST_PAUSE_S = 60.0
TRY_S = 5.0  # a call that tries and is not decided by then, a cancelled one too, keeps the next one off no longer
_JITTER = 0.2  # of a pause, to either side: many servers must not come back to a service at once


class _State(Enum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Breaker:
    """Counts one provider's failures in a row. `now` is in seconds, on any clock that only goes forward.

    It opens after `most_failures` of them. `due_at` is when the next check counts, while it is not closed.
    """

    def __init__(self, most_failures: float = FAILURES, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._most_failures = most_failures
        self._first_pause_s = first_pause_s
        self._state = _State.CLOSED
        self._failures = 0
        self._pause_s = 0.0
        self._tries_until = 0.0
        self.due_at = 0.0

    @property
    def is_closed(self) -> bool:
        """Whether all calls pass."""
        return self._state is _State.CLOSED

    @property
    def is_open(self) -> bool:
        """Whether no call passes."""
        return self._state is _State.OPEN

    def admit(self, now: float) -> float:
        """Let a call pass and return 0, or return for how many seconds none will."""
        match self._state:
            case _State.OPEN:
                return max(self.due_at - now, 1.0)  # Why: the check that is due then takes a moment too
            case _State.HALF_OPEN if now < self._tries_until:
                return self._tries_until - now
            case _State.HALF_OPEN:
                self._tries_until = now + TRY_S
        return 0.0

    def answered(self) -> None:
        """A call was answered: all is well."""
        self._state = _State.CLOSED
        self._failures = 0
        self._pause_s = 0.0

    def undecided(self) -> None:
        """A call ended in a way that says nothing about the provider: the next one may try."""
        self._tries_until = 0.0

    def failed(self, now: float) -> None:
        """A call failed by the provider's fault."""
        self._failures += 1
        # Race: calls that began before it opened fail after it, and tell nothing new.
        if self._failures >= self._most_failures and not self.is_open:
            self._open(now)

    def checked(self, now: float, *, well: bool) -> None:
        """A check has ended. One that was not due changes nothing."""
        if self.is_closed or now < self.due_at:
            return
        if not well:
            self._open(now)
        elif self.is_open:
            self._state = _State.HALF_OPEN
            self._tries_until = 0.0
            self.due_at = now + self._pause_s
        else:
            # Why: nobody has called it for a whole pause. It is taken for well, until its next failure.
            self._state = _State.CLOSED

    def _open(self, now: float) -> None:
        self._state = _State.OPEN
        self._pause_s = min(max(self._first_pause_s, 2 * self._pause_s), LONGEST_PAUSE_S)
        self.due_at = now + self._pause_s * random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
