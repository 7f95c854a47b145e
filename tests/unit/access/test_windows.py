"""Moving windows in memory: exact, bounded, and fair to those at their limit when there is no room."""

import tracemalloc
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from chatkeep.access.windows import BoundedWindows

ROOM = 4 * 1024 * 1024


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class NaiveWindows:
    """What a moving window is: every request that was let through, counted again each time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._let_through: defaultdict[str, list[float]] = defaultdict(list)

    def counting(self, key: str, length_s: int) -> list[float]:
        return [at for at in self._let_through[key] if at > self._clock.now - length_s]

    def acquire(self, key: str, limit: int, length_s: int, amount: int) -> bool:
        granted = len(self.counting(key, length_s)) + amount <= limit
        if granted:
            self._let_through[key] += [self._clock.now] * amount
        return granted


@settings(deadline=None)
@given(
    st.integers(1, 5),
    st.integers(1, 8),
    # Eighths of a second are exact in binary, so that both sides agree on what is exactly one window old.
    st.lists(st.tuples(st.integers(0, 24).map(lambda eighths: eighths / 8), st.sampled_from("abc"), st.integers(1, 2))),
)
def test_every_request_is_judged_as_a_naive_moving_window_judges_it(
    limit: int, length_s: int, requests: list[tuple[float, str, int]]
) -> None:
    clock = Clock()
    windows, naive = BoundedWindows(ROOM, clock), NaiveWindows(clock)
    for passed_s, key, amount in requests:
        clock.now += passed_s

        assert windows.acquire_entry(key, limit, length_s, amount) == naive.acquire(key, limit, length_s, amount)
        counting = naive.counting(key, length_s)
        expected = (counting[0] if counting else clock.now, len(counting))
        assert windows.get_moving_window(key, limit, length_s) == expected


def test_many_keys_take_no_more_memory_than_they_may() -> None:
    windows = BoundedWindows(ROOM, Clock())
    tracemalloc.start()
    try:
        for number in range(25_000):
            windows.acquire_entry(f"LIMITER/rest/2001:db8::{number:x}/60/60/second", 60, 60)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert 7_500 < len(windows) < 10_000
    assert windows.size <= ROOM
    assert most < ROOM


def test_many_times_of_few_keys_take_no_more_memory_than_they_may() -> None:
    room = 128 * 1024
    windows = BoundedWindows(room, Clock())
    for number in range(1250):
        for _ in range(100):
            windows.acquire_entry(f"key {number % 625}", 1000, 60)

    assert windows.size <= room
    assert len(windows) > 12


def test_a_key_at_its_limit_outlasts_a_crowd_of_others() -> None:
    windows = BoundedWindows(64 * 1024, Clock())
    while windows.acquire_entry("at its limit", 60, 60):
        pass

    for number in range(25_000):
        windows.acquire_entry(f"other {number}", 60, 60)

    assert not windows.acquire_entry("at its limit", 60, 60)


def test_a_crowd_at_its_limits_leaves_half_of_the_room_to_others() -> None:
    windows = BoundedWindows(256 * 1024, Clock())
    for number in range(10_000):
        assert windows.acquire_entry(f"full {number}", 1, 60)

    assert windows.acquire_entry("newcomer", 2, 60)
    for number in range(100):
        assert windows.acquire_entry(f"other {number}", 2, 60)

    assert windows.acquire_entry("newcomer", 2, 60)
    assert not windows.acquire_entry("newcomer", 2, 60)


def test_a_window_that_is_over_goes_before_one_that_counts() -> None:
    clock = Clock()
    windows = BoundedWindows(256 * 1024, clock)
    for number in range(400):
        windows.acquire_entry(f"full {number}", 1, 60)
    clock.now += 60
    windows.acquire_entry("counts", 2, 60)

    for number in range(500):
        windows.acquire_entry(f"other {number}", 2, 60)

    assert windows.get_moving_window("counts", 2, 60) == (clock.now, 1)
    assert not any(windows.get_moving_window(f"full {number}", 1, 60)[1] for number in range(400))


def test_one_key_may_need_more_than_all_the_room() -> None:
    windows = BoundedWindows(1024, Clock())

    assert all(windows.acquire_entry("big", 1000, 60) for _ in range(1000))
    assert not windows.acquire_entry("big", 1000, 60)


def test_clearing_forgets_one_key_and_a_reset_forgets_all() -> None:
    windows = BoundedWindows(ROOM, Clock())
    for key in ("a", "b", "c"):
        windows.acquire_entry(key, 1, 60)

    windows.clear("a")
    assert windows.acquire_entry("a", 1, 60)
    assert not windows.acquire_entry("b", 1, 60)
    assert (windows.reset(), len(windows), windows.size) == (3, 0, 0)
