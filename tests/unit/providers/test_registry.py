import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest
from pydantic import SecretStr

from chatkeep.chat.events import Finish, ProviderEvent
from chatkeep.chat.ports import Provider, ProviderRequest, Providers, ProviderState
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
from chatkeep.providers.registry import Registry, build_registry
from chatkeep.providers.watched import Watched
from chatkeep.settings import ProviderSettings, Settings, WrongSettings

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


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (None, ProviderState.HEALTHY),
        (ProviderFailed("broke"), ProviderState.UNHEALTHY),
        (ProviderRateLimited("slow down"), ProviderState.HEALTHY),
        (ModelNotFound("no such model"), ProviderState.HEALTHY),
        (RequestRefused("no such parameter"), ProviderState.HEALTHY),
        (ProviderNotConfigured("no packages"), ProviderState.NOT_CONFIGURED),
        (RuntimeError("a plug-in's"), ProviderState.UNHEALTHY),
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


async def test_the_settings_say_which_providers_there_are() -> None:
    settings = Settings.model_construct(
        providers=(
            ProviderSettings(name="groq", model="only-a-model"),
            ProviderSettings(name="lmstudio", model="local"),
            ProviderSettings(name="mine", base_url="http://127.0.0.1:1/v1/", model="m"),
            ProviderSettings(name="no_model", base_url="http://127.0.0.1:1"),
            ProviderSettings(name="not_ours", base_url="/app"),
            ProviderSettings(name="no_url", api_key=SecretStr("k")),
            ProviderSettings(name="openai", api_key=SecretStr("k")),
        ),
        echo_enabled=True,
        embedded_enabled=False,
    )
    async with running(build_registry(settings)) as these:
        states = these.states()
        provider: Provider = these.get("mine")
    assert list(states)[:5] == ["lmstudio", "mine", "no_model", "openai", "ollama"]
    assert states["groq"] is states["embedded"] is ProviderState.NOT_CONFIGURED
    assert "no_url" not in states
    assert "not_ours" not in states
    assert provider.name == "mine"


@pytest.mark.parametrize("url", ["ftp://x", "x", "http://", "http://a:b", "file:///etc/passwd"])
def test_an_address_that_is_none_stops_the_start(url: str) -> None:
    settings = Settings.model_construct(providers=(ProviderSettings(name="mine", base_url=url, model="m"),))
    with pytest.raises(WrongSettings, match="MINE_BASE_URL"):
        build_registry(settings)


@pytest.mark.parametrize("key", ["two\nlines", "k\u2026y", "nul\0"])
def test_a_key_that_fits_no_header_stops_the_start_without_being_shown(key: str) -> None:
    settings = Settings.model_construct(providers=(ProviderSettings(name="openai", api_key=SecretStr(key)),))
    with pytest.raises(WrongSettings, match="OPENAI_API_KEY") as caught:
        build_registry(settings)
    assert key not in str(caught.value)


async def test_the_window_of_the_settings_reaches_ollama() -> None:
    async with running(build_registry(Settings.model_construct(context_tokens=32768))) as these:
        assert these.get("ollama").context_tokens("m") == 32768


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


def test_a_default_provider_that_is_not_there_stops_the_start() -> None:
    with pytest.raises(WrongSettings, match="CHATKEEP_PROVIDER"):
        build_registry(Settings.model_construct(provider="nope"))


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
