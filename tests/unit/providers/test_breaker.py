import math

import pytest

from chatkeep.providers.breaker import FAILURES, FIRST_PAUSE_S, LONGEST_PAUSE_S, TRY_S, Breaker

SPREAD = 1.2  # the longest that jitter makes a pause


def opened(now: float = 0.0) -> Breaker:
    breaker = Breaker()
    for _ in range(FAILURES):
        breaker.failed(now)
    return breaker


def half_open() -> Breaker:
    breaker = opened()
    breaker.checked(breaker.due_at, well=True)
    return breaker


def test_all_calls_pass_until_several_in_a_row_have_failed() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker.failed(0)
    assert breaker.is_closed
    assert breaker.admit(0) == 0
    breaker.failed(0)
    assert breaker.is_open
    assert breaker.admit(0) == breaker.due_at


def test_an_answered_call_makes_the_count_begin_anew() -> None:
    breaker = Breaker()
    for _ in range(10):
        for _ in range(FAILURES - 1):
            breaker.failed(0)
        breaker.answered()
    assert breaker.is_closed


def test_calls_that_say_nothing_do_not_count() -> None:
    breaker = Breaker()
    for _ in range(FAILURES - 1):
        breaker.failed(0)
    for _ in range(10):
        breaker.undecided()
    assert breaker.is_closed
    breaker.failed(0)
    assert breaker.is_open


def test_nothing_passes_before_a_check_went_well_after_the_pause() -> None:
    breaker = opened()
    breaker.checked(breaker.due_at - 0.1, well=True)
    assert breaker.is_open
    assert breaker.admit(breaker.due_at + 100) == 1.0
    breaker.checked(breaker.due_at, well=True)
    assert breaker.admit(breaker.due_at) == 0


def test_half_open_one_call_at_a_time_tries() -> None:
    breaker, now = half_open(), 100.0
    assert breaker.admit(now) == 0
    assert breaker.admit(now + 1) == TRY_S - 1
    breaker.answered()
    assert [breaker.admit(now + 1) for _ in range(5)] == [0] * 5


def test_a_call_that_is_never_decided_holds_the_next_one_off_for_a_moment_only() -> None:
    breaker, now = half_open(), 100.0
    assert breaker.admit(now) == 0
    assert breaker.admit(now + TRY_S) == 0
    assert breaker.admit(now + TRY_S) == TRY_S
    breaker.undecided()
    assert breaker.admit(now + TRY_S) == 0


@pytest.mark.parametrize("how", ["call", "check"])
def test_each_failure_of_a_try_makes_the_pause_longer_up_to_a_limit(how: str) -> None:
    breaker, pauses = opened(), []
    for _ in range(8):
        now = breaker.due_at
        if how == "call":
            breaker.checked(now, well=True)
            breaker.failed(now)
        else:
            breaker.checked(now, well=False)
        assert breaker.is_open
        pauses.append(breaker.due_at - now)
    for pause, plain in zip(pauses, [10, 20, 40, 60, 60, 60, 60, 60], strict=True):
        assert plain / SPREAD**2 < pause <= plain * SPREAD
    assert plain == LONGEST_PAUSE_S


def test_an_answered_call_makes_the_next_pause_short_again() -> None:
    breaker = half_open()
    breaker.failed(breaker.due_at)
    breaker.answered()
    assert breaker.is_closed
    for _ in range(FAILURES):
        breaker.failed(1000)
    assert breaker.due_at <= 1000 + FIRST_PAUSE_S * SPREAD


def test_calls_that_began_before_it_opened_neither_lengthen_the_pause_nor_are_lost_when_answered() -> None:
    breaker = opened()
    due_at = breaker.due_at
    for _ in range(10):
        breaker.failed(1)
    assert breaker.due_at == due_at
    breaker.answered()
    assert breaker.is_closed


def test_when_nobody_tries_for_a_pause_it_closes_and_the_next_failure_opens_it_for_longer() -> None:
    breaker = half_open()
    now = breaker.due_at
    breaker.checked(math.nextafter(now, 0), well=True)
    assert breaker.admit(now) + breaker.admit(now) == TRY_S
    breaker.checked(now, well=True)
    assert breaker.is_closed
    breaker.failed(now)
    assert breaker.admit(now) > 0
    assert breaker.due_at - now > FIRST_PAUSE_S * SPREAD


def test_a_check_says_nothing_of_calls_that_all_pass() -> None:
    breaker = Breaker()
    for _ in range(10):
        breaker.checked(0, well=False)
    assert breaker.is_closed
