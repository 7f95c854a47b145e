"""Steps: how the numbers of a text go on from one unit to the next."""

import re
from typing import NamedTuple

_NUMBER = re.compile(r"[0-9]+")
_DIGITS = 18  # of a number, the last ones: a machine word


class Steps(NamedTuple):
    """`moves` is whether a number of the last unit is not what it was in the unit before.

    `broken_at` is the place of the last number that must be left behind for all those after it to stay, or to go up by
    one and the same step; -1 for none. What comes after it may still be broken elsewhere.
    """

    moves: bool
    broken_at: int


def slots_of(two_units: str, unit: str) -> int:
    """How many numbers there are in a unit, of the last two units of a text and the last one."""
    return len(_NUMBER.findall(two_units)) - len(_NUMBER.findall(unit))


def steps_of(text: str, slots: int) -> Steps:
    """The steps in `text`, some units of `slots` numbers. A number at its very end may be cut, and is not looked at."""
    found = [number for number in _NUMBER.finditer(text) if number.end() < len(text)]
    numbers = [int(number[0][-_DIGITS:]) for number in found]
    steps = [later - earlier for earlier, later in zip(numbers, numbers[slots:], strict=False)]
    moves = set(steps[-slots:]) - {0}
    broken = _last_broken(steps, moves, slots) if slots else len(found) - 1
    return Steps(bool(slots and moves), -1 if broken < 0 else found[broken].start())


def _last_broken(steps: list[int], moves: set[int], slots: int) -> int:
    if len(moves) > 1 or min(moves, default=1) < 0:
        return len(steps) - slots
    return max(
        (place for place, (one, other) in enumerate(zip(steps, steps[slots:], strict=False)) if one != other),
        default=-1,
    )
