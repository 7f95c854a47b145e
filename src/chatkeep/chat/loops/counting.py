"""Counting: text that comes again and again with nothing new but its blanks, and numbers that go up by one step.

It is looked at bare, that is without blanks and digits: what counts is then the same, character by character.
"""

import re

from chatkeep.chat.loops.periods import LONGEST, runs
from chatkeep.chat.loops.steps import slots_of, steps_of

_MOST = 8 * LONGEST  # bare characters looked at; always enough
_PROBE = 30  # bare characters that must stand a period earlier: five of the shortest level, `"a":{` and a line end
_PAUSE = 250  # characters between two looks at most: what is a loop by the next has a run by now

# Levels that are opened and not closed: how many, and how many of the latest characters, blanks and digits too, repeat
# those before them. The more are for what is not JSON or is numbered: ten levels are asked for, and nine are in
# GraphQL's own introspection query (graphql-core, get_introspection_query.py).
_LEVELS, _LEVELS_ASKED = 8, 12
_LATEST = 400

# Anything else: how many bare characters repeat those before them, and how many times a unit stands there. A hundred
# verses, 250 rows and a year of short days are asked for: docs/decisions/0010-lists-may-count-to-256.md.
_INDENTED = (500, 8)
_ITEMS = (1000, 8)
_LIST = (5000, 256)

_ITEM = re.compile(r"\n ?[0-9]+[.)] ")
_CHANGING = b"0123456789 \t"


class Counting:
    """Watches one text. When it is looked at depends on what was added, and not on how that was cut."""

    def __init__(self) -> None:
        self._bare = ""
        self._unbroken = 0  # bare characters since the last number that is known to break the count
        self._due, self._bare_due = _PAUSE, _MOST  # characters until the next look, whichever are there first

    def add(self, text: str) -> None:
        """Take in what comes next, at most what `pause` said."""
        bare = _bared(text)
        self._bare = (self._bare + bare)[-_MOST:]
        self._unbroken += len(bare)
        self._due -= len(text)
        self._bare_due -= len(bare)

    def pause(self, text: str) -> int:
        """How many characters must follow before there can be such a loop, 250 at most; 0 when there is one.

        `text` is the end of what was added: 16,384 characters, or all.
        """
        if self._due <= 0 or self._bare_due <= 0:
            self._due, self._bare_due = _PAUSE, _MOST
            for period, run in runs(self._bare, _PROBE):
                self._look(text, period, run)
        return min(self._due, self._bare_due)

    def _look(self, text: str, period: int, run: int) -> None:
        """Bring the next look nearer, to where the end with this period can be a loop."""
        unit = self._bare[-period:]
        if sum(map(unit.count, "{[(")) > sum(map(unit.count, "}])")):
            self._look_at_levels(text, period, run)
        elif any(map(str.isalpha, unit)):
            self._look_at_list(text, period, run)

    def _look_at_levels(self, text: str, period: int, run: int) -> None:
        if self._lacks(_LEVELS * period, run):
            return
        latest = period + len(_bared(text[-_LATEST:]))
        lacking = latest + max(0, _LATEST - len(text)) - run
        if lacking > 0:
            # Why not bare: each further character, blanks too, may push one out of the latest that does not repeat.
            self._due = min(self._due, lacking)
            return
        is_json = '":' in 2 * self._bare[-period:]
        times = _LEVELS_ASKED if self._moves(text, period, 3 * period) or not is_json else _LEVELS
        self._judge(text, period, run, max(times * period, latest))

    def _look_at_list(self, text: str, period: int, run: int) -> None:
        if self._lacks(_wanted(_INDENTED, period), run):
            return
        enough = _INDENTED
        if self._moves(text, period, 3 * period):
            enough = _ITEMS if _is_item(_end(text, 2 * period)) else _LIST
        self._judge(text, period, run, _wanted(enough, period))

    def _judge(self, text: str, period: int, run: int, wanted: int) -> None:
        """See to it that the numbers of all that is wanted count, not of the last units alone."""
        if self._lacks(wanted, run):
            return
        self._moves(text, period, wanted)
        if not self._lacks(wanted, run):
            self._due = 0

    def _lacks(self, wanted: int, run: int) -> bool:
        """Whether a run is too short. The next look is when it can be long enough."""
        lacking = min(wanted, _MOST) - min(run, self._unbroken)
        if lacking > 0:
            self._bare_due = min(self._bare_due, lacking)
        return lacking > 0

    def _moves(self, text: str, period: int, size: int) -> bool:
        """Whether numbers move in the end of `size` bare characters. Where they do not count is kept in mind."""
        end, two_units = _end(text, size), _end(text, 2 * period)
        steps = steps_of(end, slots_of(two_units, _end(two_units, period)))
        if steps.broken_at >= 0:
            self._unbroken = len(_bared(end[steps.broken_at :]))
        return steps.moves


def _wanted(enough: tuple[int, int], period: int) -> int:
    chars, times = enough
    return max(chars + period, times * period)


def _is_item(text: str) -> bool:
    return _ITEM.search(text) is not None and 2 * sum(map(str.isalpha, text)) > len(text)


def _end(text: str, size: int) -> str:
    """The shortest end of `text` with `size` bare characters, or all of it."""
    start = len(text)
    while size and start:
        upto, start = start, max(0, start - size)
        size -= len(_bared(text[start:upto]))
    return text[start:]


def _bared(text: str) -> str:
    return text.encode(errors="replace").translate(None, _CHANGING).decode()
