from contextlib import aclosing

import pytest
from pydantic import SecretStr

from chatkeep.chat.model import Usage
from chatkeep.chat.ports import ChatMessage, Provider, ProviderRequest, ProviderState
from chatkeep.providers.build import build_registry
from chatkeep.providers.failures import RequestRefused
from chatkeep.settings import ProviderSettings, Settings, WrongSettings
from tests.upstream import answer, upstream

pytestmark = pytest.mark.anyio


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
    async with aclosing(build_registry(settings)) as these:
        states = these.states()
        provider: Provider = these.get("mine")
    assert list(states)[:5] == ["lmstudio", "mine", "no_model", "openai", "ollama"]
    assert states["groq"] is states["embedded"] is ProviderState.NOT_CONFIGURED
    assert "no_url" not in states
    assert "not_ours" not in states
    assert provider.name == "mine"


@pytest.mark.parametrize(
    ("name", "path", "target", "header"),
    [
        ("anthropic", "", b"/v1/messages", b"x-api-key: secret"),
        ("anthropic", "/v1/", b"/v1/messages", b"x-api-key: secret"),
        ("anthropic", "/proxy/v1", b"/proxy/v1/messages", b"x-api-key: secret"),
        ("gemini", "", b"/v1beta/models/m:streamGenerateContent?alt=sse", b"x-goog-api-key: secret"),
        ("gemini", "/v1beta", b"/v1beta/models/m:streamGenerateContent?alt=sse", b"x-goog-api-key: secret"),
        ("openai", "/v1", b"/v1/chat/completions", b"authorization: bearer secret"),
        ("mine", "/v1", b"/v1/chat/completions", b"authorization: bearer secret"),
    ],
)
async def test_a_service_is_spoken_to_in_the_format_of_its_name_also_at_another_address(
    name: str, path: str, target: bytes, header: bytes
) -> None:
    async with upstream(answer(400, b"{}")) as server:
        given = ProviderSettings(name=name, base_url=server.url + path, api_key=SecretStr("secret"))
        async with aclosing(build_registry(Settings.model_construct(providers=(given,)))) as these:
            with pytest.raises(RequestRefused):
                async for _ in these.get(name).stream(ProviderRequest("m", [ChatMessage("user", "hi")])):
                    pass
    head = server.requests[0].partition(b"\r\n\r\n")[0].lower()
    assert head.startswith(b"post " + target.lower() + b" ")
    assert header in head.split(b"\r\n")


async def test_a_key_alone_configures_a_known_service_and_its_list_knows_its_default_model() -> None:
    given = tuple(ProviderSettings(name=name, api_key=SecretStr("k")) for name in ("anthropic", "gemini"))
    async with aclosing(build_registry(Settings.model_construct(providers=given))) as these:
        for begin in these._at_start:
            await begin()
        for name in ("anthropic", "gemini"):
            assert these.states()[name] is not ProviderState.NOT_CONFIGURED
            (default,) = these.models(name)
            assert default.context_tokens == 1_000_000
            assert default.input_usd_per_mtok


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


async def test_a_known_service_has_prices_and_windows_and_at_another_address_none() -> None:
    settings = Settings.model_construct(
        providers=(
            ProviderSettings(name="openai", api_key=SecretStr("k"), model="gpt-4o-mini"),
            ProviderSettings(name="groq", api_key=SecretStr("k"), model="future-model"),
            ProviderSettings(name="deepseek", base_url="http://127.0.0.1:1/v1", model="deepseek-chat"),
            ProviderSettings(name="xai", model="grok-3-mini"),
        )
    )
    async with aclosing(build_registry(settings)) as these:
        assert these.models("openai")[0].input_usd_per_mtok is None
        for begin in these._at_start:
            await begin()
        rows = {row.provider: row for name in ("openai", "groq", "deepseek") for row in these.models(name)}
        usage = Usage(1_000_000, 0, 1_000_000)
        costs = {name: these.cost_usd(name, row.model, usage) for name, row in rows.items()}
    assert costs == {"openai": 0.15, "groq": None, "deepseek": None}
    assert (rows["openai"].input_usd_per_mtok, rows["openai"].output_usd_per_mtok) == (0.15, 0.6)
    assert {name: row.context_tokens for name, row in rows.items()} == {
        "openai": 128_000,
        "groq": 131_072,
        "deepseek": None,
    }


async def test_without_a_service_that_has_prices_no_list_is_read() -> None:
    settings = Settings.model_construct(
        providers=(ProviderSettings(name="openai", api_key=SecretStr("k"), base_url="http://127.0.0.1:1/v1"),),
        echo_enabled=True,
    )
    async with aclosing(build_registry(settings)) as these:
        assert these._prices.wanted == []


async def test_the_window_of_the_settings_reaches_ollama() -> None:
    async with aclosing(build_registry(Settings.model_construct(context_tokens=32768))) as these:
        assert these.get("ollama").context_tokens("m") == 32768


def test_a_default_provider_that_is_not_there_stops_the_start() -> None:
    with pytest.raises(WrongSettings, match="CHATKEEP_PROVIDER"):
        build_registry(Settings.model_construct(provider="nope"))


@pytest.mark.parametrize("given", ["nope", "openai/gpt-4o-mini", "embedded"])
def test_a_fallback_that_is_not_configured_stops_the_start_and_names_those_that_are(given: str) -> None:
    settings = Settings.model_construct(fallbacks=("echo", given), echo_enabled=True, embedded_enabled=False)
    with pytest.raises(WrongSettings, match=rf"CHATKEEP_FALLBACKS: '{given}' names no .* echo, ollama"):
        build_registry(settings)


async def test_a_fallback_is_found_in_any_case_and_may_name_its_model() -> None:
    settings = Settings.model_construct(fallbacks=("Echo/echo-reasoning", "echo"), echo_enabled=True)
    async with aclosing(build_registry(settings)) as these:
        await these.check("echo")
        found = [(provider.name, model) for provider, model in these.fallbacks("ollama", "m")]
    assert found == [("echo", "echo-reasoning"), ("echo", "echo")]
