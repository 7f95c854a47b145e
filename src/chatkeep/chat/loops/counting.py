"""Counting: text that comes again and again with nothing new but its numbers and its indentation."""

import re

from chatkeep.chat.loops.periods import whole_period

WINDOW = 4000  # characters that tell whether a text counts

# Characters and repeats that are a loop. A list that was asked for looks the same, but is not as long: two hundred
# rows, a hundred verses, a year of days are left alone. Of what nobody asks for, less is enough.
_ASKED = (8000, 256)
_UNASKED = (WINDOW, 16)
_MOST = 24_000  # characters that are enough, however few the repeats

_NUMBER = re.compile(r"[0-9]+")
_BLANKS = re.compile(r"[ \t]{2,}")
_ITEM = re.compile(r"\n ?0[.)] ")
_CHANGING = b"0123456789 \t"


def enough_of(window: str) -> int:
    """How many characters like `window` are a loop; 0 when it does not count.

    It counts when it is one unit again and again, with a letter in it and at most 1,300 characters, but for blanks and
    for numbers that stay or go up by one step.
    """
    # Why first: what has a period has it without what changes too, and this takes a tenth of the time.
    if not _worded_period(window.encode(errors="replace").translate(None, _CHANGING).decode()):
        return 0
    masked = _BLANKS.sub(" ", _NUMBER.sub("0", window))
    unit = masked[: _worded_period(masked)]
    if not unit or not _step_up(window, unit.count("0")):
        return 0
    least, repeats = _UNASKED if _is_unasked(unit) else _ASKED
    return min(max(least, repeats * len(unit) * len(window) // len(masked)), _MOST)


def _worded_period(text: str) -> int:
    period = whole_period(text)
    return period if any(map(str.isalpha, text[:period])) else 0


def _is_unasked(unit: str) -> bool:
    """Whether it opens more than it closes; is the same but for indentation; or is the text of a numbered item."""
    is_nested = sum(map(unit.count, "{[(")) > sum(map(unit.count, "}])"))
    is_item = _ITEM.search(2 * unit) is not None and 2 * sum(map(str.isalpha, unit)) > len(unit)
    return is_nested or is_item or "0" not in unit


def _step_up(text: str, slots: int) -> bool:
    """Whether of the numbers, `slots` a unit, each stays or goes up by the one step of all that do not stay."""
    numbers = [int(number) for number in _NUMBER.findall(text)[1:-1]]  # the outer ones may be cut
    steps = [later - earlier for earlier, later in zip(numbers, numbers[slots:], strict=False)]
    moves = set(steps) - {0}
    return steps[slots:] == steps[: len(steps) - slots] and len(moves) <= 1 and min(moves, default=1) > 0
