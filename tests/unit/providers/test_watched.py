"""What is known of one provider, from its checks and from its calls."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chatkeep.chat.events import Finish, ProviderEvent
from chatkeep.chat.guard import RunTooLong
from chatkeep.chat.model import is_timestamp
from chatkeep.chat.ports import ProviderRequest, ProviderState
from chatkeep.errors import (
    ChatkeepError,
    ContextTooLong,
    ModelNotFound,
    ProviderFailed,
    ProviderRateLimited,
    ProviderTimedOut,
    ProviderUnavailable,
    error_of,
)
from chatkeep.providers.breaker import FAILURES, LONGEST_PAUSE_S, TRY_S, Breaker
from chatkeep.providers.failures import CallsPaused, KeyRefused, RequestRefused
from chatkeep.providers.registry import Registry
from chatkeep.providers.watched import Timing, Watched

pytestmark = pytest.mark.anyio

UP, DOWN = ProviderState.HEALTHY, ProviderState.UNHEALTHY
BROKE = ProviderFailed("a answered with status 500.")
AT_ONCE = Timing(recheck_s=0.001, relist_s=0.001)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Listing:
    """A provider that lists `offered`, or fails its checks with `error`, or never answers them while `hangs`."""

    def __init__(self, *offered: str, name: str = "a") -> None:
        self.name = name
        self.offered = list(offered) or ["m"]
        self.error: Exception | None = None
        self.hangs = False
        self.checks = 0
        self.checked = asyncio.Event()

    async def models(self) -> list[str]:
        return self.offered

    async def check(self) -> None:
        self.checks += 1
        self.checked.set()
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error

    async def times(self, count: int) -> None:
        """Return when it was checked that often."""
        while self.checks < count:
            self.checked.clear()
            await self.checked.wait()

    def can_prefill(self, model: str) -> bool:
        return False

    def can_see(self, model: str) -> bool | None:
        return None

    def context_tokens(self, model: str) -> int | None:
        return None

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        yield Finish("stop")


class Case:
    """A watched provider, its clock, and every change of its state."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.provider = Listing()
        self.entry = Watched(self.provider, timing=Timing(clock=self.clock))
        self.changes: list[tuple[ProviderState, str | None]] = []
        self.entry.listeners.append(lambda _, __, new, error: self.changes.append((new, error)))

    def fail(self, count: int = FAILURES, error: Exception = BROKE) -> None:
        """So many calls fail."""
        for _ in range(count):
            self.entry.report(error)

    async def wait_and_check(self) -> None:
        """The longest pause passes, then it is checked."""
        self.clock.now += 2 * LONGEST_PAUSE_S
        await self.entry.check()

    def is_called(self) -> bool:
        """Whether a call may be made now."""
        try:
            self.entry.admit()
        except CallsPaused:
            return False
        return True


async def test_after_three_failed_calls_in_a_row_it_is_not_called_and_says_why_and_until_when() -> None:
    case = Case()
    await case.entry.check()
    case.fail(FAILURES - 1)
    assert (case.is_called(), case.entry.info.retry_at) == (True, None)

    case.fail(1)

    with pytest.raises(CallsPaused) as caught:
        case.entry.admit()
    retry_at = case.entry.info.retry_at
    assert retry_at is not None
    assert is_timestamp(retry_at)
    assert caught.value.detail.startswith("a has failed since 2")
    assert caught.value.detail.endswith(f", and is not called until {retry_at}. {BROKE.detail}")
    assert caught.value.retry_after_s is not None
    assert 0 < caught.value.retry_after_s < 10
    assert (caught.value.code, caught.value.may_pass) == (ProviderUnavailable.code, False)
    assert type(error_of(caught.value.code, "")) is ProviderUnavailable


@pytest.mark.parametrize("error", [ProviderUnavailable("x"), ProviderTimedOut("x")])
async def test_every_kind_of_failure_that_is_the_providers_counts(error: Exception) -> None:
    case = Case()
    case.fail(error=error)
    assert not case.is_called()


@pytest.mark.parametrize(
    "error",
    [
        RequestRefused("no such parameter"),
        RunTooLong("was not done after 600 s"),
        KeyRefused("not for this model"),
        ProviderRateLimited("slow down"),
        ModelNotFound("no such model"),
        ContextTooLong("too long"),
        ValueError("a fault of ours"),
    ],
)
async def test_what_says_nothing_about_the_provider_never_keeps_calls_off(error: Exception) -> None:
    case = Case()
    case.fail(50, error)
    assert case.is_called()


async def test_when_the_pause_is_over_and_a_check_went_well_one_call_tries_and_its_success_brings_all_back() -> None:
    case = Case()
    await case.entry.check()
    case.fail()
    await case.wait_and_check()
    assert (case.entry.state, case.entry.error, case.entry.info.retry_at) == (DOWN, BROKE.detail, None)

    assert [case.is_called(), case.is_called()] == [True, False]
    case.entry.report(None)

    assert [case.is_called(), case.is_called()] == [True, True]
    assert (case.entry.state, case.entry.error) == (UP, None)


async def test_a_try_that_was_cancelled_lets_the_next_one_pass_after_a_moment() -> None:
    case = Case()
    case.fail()
    await case.wait_and_check()
    assert [case.is_called(), case.is_called()] == [True, False]

    case.clock.now += TRY_S

    assert case.is_called()


@pytest.mark.parametrize("error", [RequestRefused("no"), ModelNotFound("no"), KeyRefused("no")])
async def test_a_try_that_ended_undecided_lets_the_next_one_pass_at_once(error: ChatkeepError) -> None:
    case = Case()
    case.fail()
    await case.wait_and_check()
    assert case.is_called()

    case.entry.report(error)

    assert case.is_called()


async def test_a_check_before_the_pause_is_over_lets_nothing_pass() -> None:
    case = Case()
    case.fail()
    for _ in range(3):
        await case.entry.check()
    assert not case.is_called()


async def test_one_that_lists_its_models_well_while_every_call_fails_is_unhealthy_once_and_stays_so() -> None:
    case = Case()
    await case.entry.check()
    for _ in range(20):
        if case.is_called():
            case.fail(1)
        else:
            await case.wait_and_check()

    assert case.changes == [(UP, None), (DOWN, BROKE.detail)]
    assert case.entry.is_reachable


async def test_one_that_refused_the_key_is_unhealthy_until_a_call_is_answered_however_well_it_lists_its_models() -> (
    None
):
    case = Case()
    await case.entry.check()
    case.fail(2, KeyRefused("a refused the API key."))
    await case.entry.check()
    assert (case.entry.error, case.entry.is_reachable) == ("a refused the API key.", True)

    case.entry.report(None)
    await case.entry.check()

    assert case.changes == [(UP, None), (DOWN, "a refused the API key."), (UP, None)]


async def test_when_nobody_calls_it_for_a_whole_pause_a_check_is_believed_again() -> None:
    case = Case()
    await case.entry.check()
    case.fail()
    await case.wait_and_check()
    assert case.entry.state is DOWN
    await case.wait_and_check()

    assert case.entry.state is UP
    assert [case.is_called(), case.is_called()] == [True, True]
    case.fail(1)
    assert not case.is_called()


async def test_a_check_that_fails_in_the_pause_tells_its_own_error_and_the_calls_error_comes_back_after_it() -> None:
    case = Case()
    case.fail()
    case.provider.error = ProviderUnavailable("a cannot be reached.")
    await case.wait_and_check()
    assert (case.entry.error, case.entry.is_reachable) == ("a cannot be reached.", False)
    case.provider.error = None
    await case.wait_and_check()
    assert (case.entry.state, case.entry.error, case.entry.is_reachable) == (DOWN, BROKE.detail, True)


async def test_the_list_of_models_is_kept_while_the_service_is_down() -> None:
    case = Case()
    await case.entry.check()
    case.provider.error = ProviderUnavailable("down")
    await case.entry.check()
    assert (case.entry.state, case.entry.info.models) == (DOWN, ["m"])

    case.provider.error, case.provider.offered = None, ["m", "new"]
    await case.entry.check()
    assert (case.entry.state, case.entry.info.models) == (UP, ["m", "new"])


@asynccontextmanager
async def started(*entries: Watched) -> AsyncIterator[Registry]:
    registry = Registry(entries)
    registry.start()
    try:
        yield registry
    finally:
        await registry.aclose()


async def test_a_check_that_never_answers_holds_no_other_one_up() -> None:
    stuck, down, well = Listing(name="stuck"), Listing(name="down"), Listing(name="well")
    stuck.hangs, down.error = True, ProviderUnavailable("down")
    async with started(*(Watched(each, timing=AT_ONCE) for each in (stuck, down, well))) as these:
        await down.times(5)
        await well.times(5)
        assert stuck.checks == 1
        assert {info.name: info.models for info in these.infos()} == {"stuck": [], "down": [], "well": ["m"]}


async def test_one_that_is_not_called_is_checked_in_the_background_until_a_call_can_try() -> None:
    provider = Listing()
    async with started(Watched(provider, breaker=Breaker(first_pause_s=0.001))) as these:
        await provider.times(1)
        await these.check("a")
        for _ in range(FAILURES):
            these.report("a", BROKE)
        with pytest.raises(CallsPaused):
            these.admit("a")
        checks = provider.checks
        await provider.times(checks + 1)
        await these.check("a")
        these.admit("a")


async def test_a_failed_call_makes_the_next_check_come_soon() -> None:
    provider = Listing()
    async with started(Watched(provider, timing=Timing(recheck_s=0.001, relist_s=1e6))) as these:
        await these.check("a")
        while these.states() != {"a": UP}:
            await asyncio.sleep(0)
        checks = provider.checks
        these.report("a", BROKE)
        await provider.times(checks + 1)
