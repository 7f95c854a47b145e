"""Periods: at what distances the end of a text repeats itself, and how much of it. Which are loops: loop_guard.py."""

from bisect import bisect_left
from collections.abc import Iterator

LONGEST = 2048  # characters of a period
PROBE = 150  # characters that must stand a period earlier for it to be tried; in honest text they rarely do


def runs(text: str, probe: int = PROBE) -> Iterator[tuple[int, int]]:
    """The periods of the end of `text`, shortest first, each with the length of the end that has it.

    A period is left out when the end that has it is shorter than three periods, or than one and `probe`; or has a
    divisor of it as its period as well. Each run is half as long again as the one before, so they are few: 12,
    or 16 with a `probe` of 30.
    """
    size, nearest = len(text), 1
    while probe <= size:
        found = text.rfind(text[-probe:], max(0, size - probe - LONGEST), size - nearest)
        if found < 0:
            return
        period = size - probe - found
        run = _run(text, period, period + probe)
        yield period, run
        # Why: a further period's run goes beyond this one, and they share too little of it to be one (Fine and Wilf).
        probe, nearest = run + 1, max(period, run - period) + 1


def _run(text: str, period: int, known: int) -> int:
    """The length of the end of `text` that has the period; at least `known`."""
    size = len(text)

    def breaks(run: int) -> bool:
        return text[size - run + period :] != text[size - run : size - period]

    reach = known
    while reach < size and not breaks(reach):
        known, reach = reach, min(2 * reach, size)
    return bisect_left(range(size + 1), True, known + 1, reach + 1, key=breaks) - 1
