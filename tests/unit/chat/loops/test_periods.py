from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from chatkeep.chat.loops.periods import LONGEST, PROBE, runs


def fibonacci(size: int) -> str:
    short, long = "a", "ab"
    while len(long) < size:
        short, long = long, long + short
    return long[-size:]


# Texts whose ends have many periods, each broken at its own place.
BROKEN = st.recursive(
    st.text("ab", min_size=1, max_size=3),
    lambda inner: st.builds(lambda text, times, end: text * times + end, inner, st.integers(1, 30), inner),
    max_leaves=6,
).map(lambda text: text[-3000:])


def has(text: str, period: int, run: int) -> bool:
    return text[len(text) - run + period :] == text[len(text) - run : len(text) - period]


def longest_run(text: str, period: int) -> int:
    run = period
    while run < len(text) and text[-run - 1] == text[-run - 1 + period]:
        run += 1
    return run


@settings(deadline=None)
@given(BROKEN)
def test_each_run_is_all_of_the_end_that_has_the_period(text: str) -> None:
    assert all(run == longest_run(text, period) for period, run in runs(text))


@settings(deadline=None)
@given(BROKEN)
def test_a_period_that_stands_three_times_and_a_probe_longer_than_itself_is_found_or_a_divisor_of_it(text: str) -> None:
    found = dict(runs(text))

    for period in range(1, min(LONGEST, len(text) // 3) + 1):
        run = max(3 * period, period + PROBE)
        if run <= len(text) and has(text, period, run):
            assert any(period % other == 0 and found[other] >= run for other in found)


@settings(deadline=None)
@given(BROKEN)
def test_each_run_is_half_as_long_again_as_the_one_before(text: str) -> None:
    lengths = [run for _, run in runs(text)]

    assert all(longer >= 1.5 * shorter for shorter, longer in pairwise(lengths))
