"""How the pace of a stream is told from the times between its events."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.doctor.arrivals import Pace, buffer_bytes, lumps, pace_of
from chatkeep.doctor.seen import EventSeen, StreamSeen


def stream(arrived_ms: list[float], every_ms: float = 200, size_bytes: int = 100) -> StreamSeen:
    events = [EventSeen(number * every_ms, moment, size_bytes) for number, moment in enumerate(arrived_ms)]
    return StreamSeen(stream="get", status=200, events=events)


@given(st.floats(-1e9, 1e9), st.lists(st.floats(0, 60), min_size=12, max_size=12))
def test_a_clock_that_is_wrong_and_a_line_that_is_uneven_make_no_finding(off_ms: float, late_ms: list[float]) -> None:
    assert pace_of(stream([off_ms + number * 200 + late for number, late in enumerate(late_ms)])) is Pace.STEADY


@pytest.mark.parametrize("every_ms", [50, 200, 1000])
def test_events_that_come_all_at_once_were_held_whatever_the_pace_of_their_sending(every_ms: float) -> None:
    assert pace_of(stream([5000.0] * 12, every_ms)) is Pace.HELD


def test_all_but_the_last_held_back_is_held_back() -> None:
    assert pace_of(stream([2000.0] * 11 + [2200.0])) is Pace.HELD


def test_a_first_event_that_is_let_through_does_not_hide_that_the_rest_is_held() -> None:
    assert pace_of(stream([0.0] + [2200.0] * 11)) is Pace.HELD


def test_four_at_a_time_are_lumps() -> None:
    arrived = [number // 4 * 800.0 for number in range(12)]

    assert pace_of(stream(arrived)) is Pace.LUMPY
    assert [len(lump) for lump in lumps(stream(arrived).events)] == [4, 4, 4]


def test_a_busy_moment_of_the_client_is_no_finding() -> None:
    arrived = [number * 200.0 for number in range(12)]
    arrived[4:8] = [arrived[7]] * 4

    assert pace_of(stream(arrived)) is Pace.STEADY


def test_too_few_events_say_nothing() -> None:
    assert pace_of(stream([0.0, 200.0])) is None
    assert pace_of(stream([])) is None


def test_the_buffer_is_the_largest_lump_but_the_last_and_unknown_when_all_is_one() -> None:
    arrived = [0.0, *[400.0] * 4, *[800.0] * 3, *[900.0] * 20]

    assert buffer_bytes(stream(arrived, 50, 2048)) == 4 * 2048
    assert buffer_bytes(stream([3000.0] * 28, 50, 2048)) is None
