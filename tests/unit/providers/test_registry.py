import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chatkeep.chat.events import Finish, ProviderEvent
from chatkeep.chat.model import Usage
from chatkeep.chat.ports import OfferedModel, ProviderRequest, Providers, ProviderState
from chatkeep.errors import (
    ModelNotFound,
    ProviderFailed,
    ProviderNotConfigured,
    ProviderNotFound,
    ProviderRateLimited,
    ProviderUnavailable,
)
from chatkeep.providers.echo import EchoProvider
from chatkeep.providers.failures import RequestRefused
from chatkeep.providers.prices import ListedModel, Period, PriceList, Rates
from chatkeep.providers.registry import Registry
from chatkeep.providers.watched import Watched

pytestmark = pytest.mark.anyio


class Fake:
    """A provider that lists `offered`, or fails its checks with `error`, or never answers them."""

    def __init__(
        self, name: str, *offered: str, error: Exception | None = None, answers: asyncio.Event | None = None
    ) -> None:
        self.name = name
        self.offered = list(offered)
        self.error = error
        self.answers = answers
        self.checks = 0

    async def models(self) -> list[str]:
        return self.offered

    async def check(self) -> None:
        self.checks += 1
        if self.answers is not None:
            await self.answers.wait()
        if self.error is not None:
            raise self.error

    def can_prefill(self, model: str) -> bool:
        return False

    def can_see(self, model: str) -> bool | None:
        return None

    def context_tokens(self, model: str) -> int | None:
        return None

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        yield Finish("stop")


DOWN = ProviderUnavailable("it is down")


@asynccontextmanager
async def running(registry: Registry) -> AsyncIterator[Registry]:
    try:
        yield registry
    finally:
        await registry.aclose()


async def resolved(registry: Providers, provider: str | None, model: str | None) -> tuple[str, str]:
    found, name = await registry.resolve(provider, model)
    return found.name, name


async def test_the_default_is_the_first_healthy_one_in_order() -> None:
    async with running(Registry([Fake("a", "m", error=DOWN), Fake("b"), Fake("c", "x", "y"), Fake("d", "z")])) as these:
        assert await resolved(these, None, None) == ("c", "x")


async def test_the_setting_wins_even_when_it_is_down() -> None:
    fakes = [Fake("a", "m"), Fake("b", "n", error=DOWN)]
    async with running(Registry(fakes, default_provider="B", default_model="mine")) as these:
        assert await resolved(these, None, None) == ("b", "mine")


async def test_a_default_model_may_name_its_provider() -> None:
    async with running(Registry([Fake("a", "m"), Fake("b", "n")], default_model="b/other")) as these:
        assert await resolved(these, None, None) == ("b", "other")


async def test_naming_the_default_provider_gives_its_default_model() -> None:
    async with running(Registry([Fake("a", "m"), Fake("b", "n")], default_model="b/other")) as these:
        assert await resolved(these, "b", None) == ("b", "other")
        assert await resolved(these, "a", None) == ("a", "m")
    async with running(Registry([Fake("a", "m")], default_provider="a", default_model="org/x")) as these:
        assert await resolved(these, "A", None) == ("a", "org/x")


async def test_names_are_found_in_any_case_and_split_at_the_first_slash() -> None:
    async with running(Registry([Fake("a", "m"), Fake("b", "n")])) as these:
        assert await resolved(these, None, "B/org/x") == ("b", "org/x")
        assert await resolved(these, "B", None) == ("b", "n")
        assert these.get("B").name == "b"


async def test_a_slash_in_a_model_of_a_named_provider_is_its_own() -> None:
    async with running(Registry([Fake("a", "m"), Fake("b", "n")])) as these:
        assert await resolved(these, "b", "a/x") == ("b", "a/x")
        assert await resolved(these, None, "vendor/x") == ("a", "vendor/x")


async def test_a_slashed_model_is_found_where_it_is_offered_when_its_vendor_is_not_configured() -> None:
    fakes = [Fake("a", "m"), Fake("router", "openai/x")]
    async with running(Registry(fakes, unconfigured={"openai": "OPENAI_API_KEY"})) as these:
        await these.check("router")
        assert await resolved(these, None, "openai/x") == ("router", "openai/x")
        with pytest.raises(ProviderNotConfigured, match="OPENAI_API_KEY"):
            await these.resolve(None, "openai/y")


async def test_a_bare_model_goes_to_a_provider_that_offers_it_else_to_the_default() -> None:
    async with running(Registry([Fake("a", "m"), Fake("b", "n")])) as these:
        await these.check("b")
        assert await resolved(these, None, "n") == ("b", "n")
        assert await resolved(these, None, "unheard-of") == ("a", "unheard-of")


async def test_an_unknown_name_is_not_found_and_the_detail_lists_those_there_are() -> None:
    async with running(Registry([Fake("a", "m")], unconfigured={"openai": "OPENAI_API_KEY"})) as these:
        with pytest.raises(ProviderNotFound, match="a, openai"):
            await these.resolve("b", None)
        with pytest.raises(ProviderNotConfigured, match="OPENAI_API_KEY"):
            these.get("openai")


async def test_nothing_at_all_says_what_to_do() -> None:
    async with running(Registry([Watched(Fake("ollama", error=DOWN), is_chosen=False)])) as these:
        with pytest.raises(ProviderNotConfigured, match="OPENAI_API_KEY"):
            await these.resolve(None, None)


async def test_only_dead_configured_ones_say_why() -> None:
    async with running(Registry([Fake("a", error=DOWN)])) as these:
        with pytest.raises(ProviderUnavailable, match="it is down"):
            await these.resolve(None, None)


async def test_a_provider_that_never_answers_delays_nobody_who_does_not_need_it() -> None:
    never = asyncio.Event()
    async with running(Registry([Fake("a", "m"), Fake("b", "n", answers=never)])) as these:
        these.start()
        assert await resolved(these, None, None) == ("a", "m")
        assert await resolved(these, "b", "n") == ("b", "n")


async def test_a_default_waits_for_a_first_check_that_is_going_on() -> None:
    go = asyncio.Event()
    async with running(Registry([Fake("a", "m", answers=go), Fake("b", "n")])) as these:
        waiting = asyncio.create_task(resolved(these, None, None))
        await these.check("b")
        assert not waiting.done()
        go.set()
        assert await waiting == ("a", "m")


async def test_a_named_provider_that_came_up_later_is_asked_again() -> None:
    late = Fake("a", "m", error=DOWN)
    async with running(Registry([late])) as these:
        assert (await these.check("a")).state is ProviderState.UNHEALTHY
        late.error = None
        assert await resolved(these, "a", None) == ("a", "m")
        assert these.states() == {"a": ProviderState.HEALTHY}


@pytest.mark.parametrize("named", ["a", None])
async def test_the_first_fallback_is_asked_when_no_model_is_known_of_one_that_was_away_since_the_start(
    named: str | None,
) -> None:
    fakes = [Fake("a", "m", error=DOWN), Fake("b", "n", error=DOWN), Fake("c", "o")]
    async with running(Registry(fakes, default_provider="a", fallbacks=[("b", None), ("c", None)])) as these:
        await these.check("c")
        assert await resolved(these, named, None) == ("c", "o")
        assert await resolved(these, "a", "m") == ("a", "m")
    async with running(Registry(fakes, default_provider="a")) as these:
        with pytest.raises(ProviderUnavailable):
            await these.resolve(named, None)


async def test_one_that_is_not_configured_is_told_and_no_fallback_hides_it() -> None:
    fakes = [Fake("a", "m", error=ProviderNotConfigured("it wants a key")), Fake("c", "o")]
    async with running(Registry(fakes, fallbacks=[("c", None)])) as these:
        await these.check("c")
        with pytest.raises(ProviderNotConfigured, match="it wants a key"):
            await these.resolve("a", None)


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (None, ProviderState.HEALTHY),
        (ProviderFailed("broke"), ProviderState.UNHEALTHY),
        (ProviderRateLimited("slow down"), ProviderState.HEALTHY),
        (ModelNotFound("no such model"), ProviderState.HEALTHY),
        (RequestRefused("no such parameter"), ProviderState.HEALTHY),
        (ProviderNotConfigured("no packages"), ProviderState.NOT_CONFIGURED),
        (RuntimeError("a fault of ours"), ProviderState.HEALTHY),
    ],
)
async def test_a_real_call_changes_the_state(error: Exception | None, state: ProviderState) -> None:
    async with running(Registry([Fake("a", "m")])) as these:
        await these.check("a")
        these.report("a", error)
        these.report("unheard-of", error)
        assert these.states() == {"a": state}


@pytest.mark.parametrize("error", [ProviderFailed("broke"), RequestRefused("no"), RuntimeError("a plug-in's")])
async def test_one_failed_call_does_not_send_the_others_to_another_provider(error: Exception) -> None:
    first = Fake("a", "m")
    async with running(Registry([first, Fake("b", "n")])) as these:
        await these.check("a")
        await these.check("b")
        these.report("a", error)
        assert await resolved(these, None, None) == ("a", "m")
        assert await resolved(these, None, "m") == ("a", "m")
        first.error = DOWN
        await these.check("a")
        assert await resolved(these, None, None) == ("b", "n")
        these.report("a", None)
        assert await resolved(these, None, None) == ("a", "m")


async def test_a_refused_request_does_not_hide_that_a_check_failed() -> None:
    async with running(Registry([Fake("a", "m", error=DOWN)])) as these:
        await these.check("a")
        these.report("a", RequestRefused("no"))
        assert these.states() == {"a": ProviderState.UNHEALTHY}


async def test_a_check_tells_state_models_and_time() -> None:
    async with running(Registry([Fake("a", "m", error=ValueError("odd"))])) as these:
        info = await these.check("a")
    assert (info.state, info.error, info.models) == (ProviderState.UNHEALTHY, "ValueError: odd", [])
    assert info.last_checked


async def test_a_suggested_model_is_used_only_while_it_is_offered() -> None:
    gone, there = Fake("a", "x", "y"), Fake("b", "x", "y")
    entries = [Watched(gone, suggested_model="z"), Watched(there, suggested_model="y")]
    async with running(Registry(entries)) as these:
        await these.check("a")
        await these.check("b")
        assert await resolved(these, "a", None) == ("a", "x")
        assert await resolved(these, "b", None) == ("b", "y")


PRICES = PriceList(["openai"])
PRICES.fill({"openai": [ListedModel(["m"], context_tokens=9, periods=[Period([Rates(-1, 1.0, 0.5, 2.0)])])]})


async def test_the_models_of_all_or_of_one_are_told_with_what_is_known_of_them() -> None:
    mine = Watched(Fake("never-there"), model="mine")
    async with running(
        Registry(
            [Fake("openai", "m", "new"), Fake("a", "m"), mine], prices=PRICES, unconfigured={"groq": "GROQ_API_KEY"}
        )
    ) as these:
        await these.check("openai")
        await these.check("a")

        assert [offered.id for offered in these.models(None)] == ["openai/m", "openai/new", "a/m", "never-there/mine"]
        assert these.models("OpenAI")[0] == OfferedModel(
            "openai/m", "openai", "m", None, 1.0, 2.0, can_prefill=False, can_see=None
        )
        assert these.models("a")[0] == OfferedModel("a/m", "a", "m", None, None, None, can_prefill=False, can_see=None)
        assert these.models("groq") == []
        with pytest.raises(ProviderNotFound, match="openai, a, never-there, groq"):
            these.models("nobody")


async def test_every_model_that_is_told_is_found_by_its_id() -> None:
    async with running(Registry([Fake("a", "m", "vendor/x"), Fake("b", "a/m")])) as these:
        await these.check("a")
        await these.check("b")
        for offered in these.models(None):
            assert await resolved(these, None, offered.id) == (offered.provider, offered.model)


async def test_a_call_costs_what_the_list_says_and_an_unknown_model_nothing_that_is_told() -> None:
    these = Registry([Fake("openai", "m"), Fake("a", "m")], prices=PRICES)
    usage = Usage(1_000_000, 500_000, 1_500_000, estimated=True)
    costs = [these.cost_usd(*asked, usage) for asked in (("openai", "m"), ("openai", "new"), ("a", "m"))]
    assert costs == [2.0, None, None]


async def test_what_is_to_be_done_at_start_waits_for_the_first_checks_and_holds_nobody_up() -> None:
    go, begun = asyncio.Event(), asyncio.Event()

    async def begin() -> None:
        begun.set()

    async with running(Registry([Fake("a", "m", answers=go)], at_start=[begin])) as these:
        these.start()
        assert await resolved(these, "a", "m") == ("a", "m")
        assert not begun.is_set()
        go.set()
        await begun.wait()


async def test_the_shipped_echo_can_be_the_only_one() -> None:
    async with running(Registry([EchoProvider()])) as these:
        assert await resolved(these, None, None) == ("echo", "echo")


async def test_a_provider_that_nobody_configured_and_that_is_not_there_does_not_count_as_broken() -> None:
    maybe = Fake("ollama", "m", error=DOWN)
    async with running(Registry([Watched(maybe, is_chosen=False)])) as these:
        assert (await these.check("ollama")).state is ProviderState.NOT_CONFIGURED
        maybe.error = None
        assert (await these.check("ollama")).state is ProviderState.HEALTHY
        maybe.error = DOWN
        assert (await these.check("ollama")).state is ProviderState.UNHEALTHY


async def test_concurrent_health_checks_at_start_never_delay_readiness() -> None:
    never = asyncio.Event()
    providers = [Fake(f"p{number}", answers=never) for number in range(20)]
    async with running(Registry([*providers, EchoProvider()], default_provider="echo")) as these:
        these.start()
        assert (await these.resolve(None, None))[0].name == "echo"
        while not all(provider.checks for provider in providers):
            await asyncio.sleep(0)

        assert all(info.last_checked is None for info in these.infos() if info.name != "echo")


async def test_those_who_check_at_the_same_time_share_one_call() -> None:
    answers = asyncio.Event()
    provider = Fake("a", "m", answers=answers)
    these = Registry([provider])
    checks = [asyncio.create_task(these.check("a")) for _ in range(50)]
    while not provider.checks:
        await asyncio.sleep(0)
    checks[0].cancel()
    answers.set()

    infos = await asyncio.gather(*checks[1:])

    assert provider.checks == 1
    assert {info.state for info in infos} == {ProviderState.HEALTHY}
    await these.aclose()


async def test_a_check_that_is_going_on_ends_when_the_registry_closes() -> None:
    these = Registry([Fake("a", answers=asyncio.Event())])
    check = asyncio.create_task(these.check("a"))
    await asyncio.sleep(0)

    await these.aclose()

    with pytest.raises(asyncio.CancelledError):
        await check


async def test_a_provider_that_is_not_configured_is_not_asked_and_says_what_to_set() -> None:
    these = Registry([], unconfigured={"openai": "OPENAI_API_KEY"})

    info = await these.check("OpenAI")

    assert (info.state, info.error) == (ProviderState.NOT_CONFIGURED, "Set OPENAI_API_KEY.")


async def test_a_change_of_state_is_told_once_whether_a_check_or_a_call_made_it() -> None:
    these = Registry([Fake("a", "m")])
    changes: list[tuple[str, ProviderState, ProviderState, str | None]] = []
    these.listen(lambda *change: changes.append(change))

    await these.check("a")
    await these.check("a")
    these.report("a", None)
    these.report("a", ProviderFailed("it broke"))
    these.report("a", ProviderFailed("it broke again"))
    these.report("a", None)

    up, down = ProviderState.HEALTHY, ProviderState.UNHEALTHY
    assert changes == [("a", down, up, None), ("a", up, down, "it broke"), ("a", down, up, None)]


async def test_a_listener_that_breaks_harms_neither_the_provider_nor_the_others() -> None:
    these = Registry([Fake("a", "m")])
    told: list[str] = []

    def breaks(*_: object) -> None:
        raise ValueError

    these.listen(breaks)
    these.listen(lambda name, *_: told.append(name))

    assert (await these.check("a")).state is ProviderState.HEALTHY
    assert told == ["a"]


async def test_the_default_is_told_as_far_as_it_is_known() -> None:
    these = Registry([Fake("a", error=DOWN), Fake("b", "m")])
    assert these.default_name is None

    await these.check("a")
    await these.check("b")

    assert these.default_name == "b"


async def test_what_a_plug_in_raises_is_shown_on_one_short_line() -> None:
    these = Registry([Fake("a", error=ValueError("a\nb" + "x" * 5000))])

    error = (await these.check("a")).error

    assert error is not None
    assert error.startswith("ValueError: a bx")
    assert len(error) == 300
