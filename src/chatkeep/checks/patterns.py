"""Patterns that no message may match: one regular expression a line, in a file that may change while the server runs.

A pattern is given up after a while, as one can be written that takes for ever.
"""

import time
from collections.abc import Callable

import regex  # type: ignore[import-untyped]  # it ships no types
import structlog

from chatkeep.chat.checks.check import Checked, Stage
from chatkeep.chat.model import CheckResult
from chatkeep.errors import ChatkeepError

_PATTERN_S = (0.01, 0.1)  # of the processor's time, for one pattern: at first, and when all others had their turn
_ALL_S = 0.5  # by the clock, for all of them: within what a turn waits for its checks

_Line = tuple[int, "regex.Pattern[str]"]

_logger = structlog.get_logger("chatkeep.checks")


class WrongPattern(ValueError):
    """The file has a line that is no pattern; the text says which, and why."""


class Patterns:
    """Denies what matches a pattern. `read` gives the file's bytes when they are others than before, else None.

    `all_s` is the time that all patterns together get for one message.

    Raises: WrongPattern, StorageFailed.
    """

    name = "patterns"
    stages: tuple[Stage, ...] = ("input", "reply")

    def __init__(self, read: Callable[[], bytes | None], all_s: float = _ALL_S) -> None:
        self._read = read
        self._all_s = all_s
        self._trouble = ""
        self._patterns = patterns_in(read() or b"")

    async def __call__(self, checked: Checked, /) -> CheckResult:
        """Names the line, and not what it matched."""
        self._renew()
        ends_at = time.monotonic() + self._all_s
        waiting = self._patterns
        for limit_s in _PATTERN_S:
            slow: list[_Line] = []
            for line, pattern in waiting:
                try:
                    if _is_in(checked.message.text, pattern, min(limit_s, ends_at - time.monotonic())):
                        return CheckResult(self.name, "deny", f"It matches line {line} of the denied patterns.")
                except TimeoutError:
                    slow.append((line, pattern))
            waiting = slow
        if waiting:
            return CheckResult(self.name, "unknown", f"Line {waiting[0][0]} of the denied patterns took too long.")
        return CheckResult(self.name, "pass")

    def _renew(self) -> None:
        """Take over a changed file; the patterns stay as they were when it cannot be read or has a wrong line."""
        try:
            changed = self._read()
            if changed is not None:
                self._patterns = patterns_in(changed)
                self._trouble = ""
                _logger.info("patterns_read", count=len(self._patterns))
        except (ChatkeepError, WrongPattern) as exc:
            if str(exc) != self._trouble:  # once, and not for every message
                self._trouble = str(exc)
                _logger.error("patterns_not_read", detail=self._trouble)


def patterns_in(data: bytes) -> list[_Line]:
    """The patterns of a file with their lines, counted from 1. Raises: WrongPattern.

    Space around a line does not count; empty lines and those that begin with `#` are no patterns.
    """
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as exc:
        raise WrongPattern("it is not UTF-8") from exc
    stripped = ((number, line.strip()) for number, line in enumerate(lines, 1))
    return [(number, _compiled(number, line)) for number, line in stripped if line and not line.startswith("#")]


def _is_in(text: str, pattern: "regex.Pattern[str]", limit_s: float) -> bool:
    """Whether the pattern is found in `text`. Raises: TimeoutError, at once when there is no time."""
    if limit_s <= 0:
        raise TimeoutError
    return pattern.search(text, timeout=limit_s) is not None


def _compiled(number: int, line: str) -> "regex.Pattern[str]":
    try:
        pattern = regex.compile(line)
        matches_all = pattern.search("", timeout=_PATTERN_S[-1]) is not None
    except (regex.error, RecursionError) as exc:
        raise WrongPattern(f"line {number}: {exc}") from exc
    if matches_all:
        raise WrongPattern(f"line {number}: it matches an empty text, and so every text")
    return pattern
