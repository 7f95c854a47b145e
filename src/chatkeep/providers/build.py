"""Make the providers that the settings describe. Which of them a request means: registry.py."""

import math
from collections.abc import Collection
from functools import partial

import httpx
from pydantic import SecretStr

from chatkeep.chat.ports import Provider
from chatkeep.providers import anthropic_wire, embedded, gemini_wire, plugins, price_reader
from chatkeep.providers.anthropic import AnthropicProvider
from chatkeep.providers.breaker import Breaker
from chatkeep.providers.catalog import Hints
from chatkeep.providers.connections import proxy_of, trusted
from chatkeep.providers.echo import EchoProvider
from chatkeep.providers.embedded import EmbeddedProvider
from chatkeep.providers.gemini import GeminiProvider
from chatkeep.providers.http import Headers, Service, bearer
from chatkeep.providers.ollama import OllamaProvider
from chatkeep.providers.openai import OpenAIProvider
from chatkeep.providers.prices import LISTS, PriceList
from chatkeep.providers.registry import Registry
from chatkeep.providers.services import KNOWN, KnownService
from chatkeep.providers.watched import Watched
from chatkeep.settings import ProviderSettings, Settings, WrongSettings

_OLLAMA = "ollama"
_OWN = (_OLLAMA, embedded.NAME, "echo")
_WAYS: dict[str, tuple[str, Headers]] = {
    "openai": ("", bearer),
    "anthropic": (anthropic_wire.VERSION_PATH, anthropic_wire.headers),
    "gemini": (gemini_wire.VERSION_PATH, gemini_wire.headers),
}
"""What each format's calls begin with themselves, and how it sends the key."""


def build_registry(settings: Settings) -> Registry:
    """The providers that the settings describe; nothing is asked before `start`. Raises: WrongSettings."""
    _check_certificates()
    embedded_provider = EmbeddedProvider(idle_s=settings.embedded_idle_s)
    prices = PriceList([given.name for given in settings.providers if _has_list_prices(given)])
    services = {_service(given, row): (given, row) for given in settings.providers if (row := _row(given))}
    ollama = Service(
        _OLLAMA, _address("OLLAMA_HOST", settings.ollama_host), _key("OLLAMA_API_KEY", settings.ollama_api_key)
    )
    speakers = [
        Watched(_speaker(service, given, row, prices), model=given.model, suggested_model=row.default_model)
        for service, (given, row) in services.items()
    ]
    models = {given.name: given.model for given in settings.providers}
    foreign = plugins.find({*KNOWN, *_OWN, *(service.name for service in services)})
    watched = [
        *speakers,
        *(Watched(provider, model=models.get(provider.name)) for provider in foreign),
        Watched(
            OllamaProvider(ollama, default_model=settings.ollama_model, context_tokens=settings.context_tokens),
            is_chosen="ollama_host" in settings.model_fields_set
            or bool(settings.ollama_model)
            or settings.provider == "ollama",
            how_to_configure="Start Ollama on this machine, or set OLLAMA_HOST.",
        ),
    ]
    if settings.embedded_enabled:
        watched.append(Watched(embedded_provider, model=embedded.MODEL, is_chosen=False))
    if settings.echo_enabled:
        # Why never: it fails when it is told to, which says nothing about what it will be told next.
        watched.append(Watched(EchoProvider(), breaker=Breaker(most_failures=math.inf)))
    names = {entry.provider.name for entry in watched}
    if settings.provider and settings.provider not in names:
        raise WrongSettings(
            f"CHATKEEP_PROVIDER: it is {settings.provider!r}; configured are {', '.join(sorted(names))}"
        )
    unconfigured = {name: row.how_to_configure for name, row in KNOWN.items() if name not in names}
    if not settings.embedded_enabled:
        unconfigured[embedded.NAME] = "CHATKEEP_EMBEDDED=true"
    return Registry(
        watched,
        unconfigured=unconfigured,
        default_provider=settings.provider,
        default_model=settings.model,
        fallbacks=[_fallback(given, names) for given in settings.fallbacks],
        prices=prices,
        at_start=(partial(price_reader.fill, prices),),
        at_close=(
            *(provider.aclose for provider in foreign),
            embedded_provider.aclose,
            *(service.aclose for service in (*services, ollama)),
        ),
    )


def _fallback(given: str, names: Collection[str]) -> tuple[str, str | None]:
    """A fallback's provider and model. Raises: WrongSettings when no such provider is configured."""
    name, _, model = given.partition("/")
    if name.lower() not in names:
        known = ", ".join(sorted(names))
        raise WrongSettings(f"CHATKEEP_FALLBACKS: {given!r} names no configured provider; those are {known}")
    return name.lower(), model or None


def _has_list_prices(given: ProviderSettings) -> bool:
    """Whether it is the service itself: who sells the same models at another address makes prices of their own."""
    return given.name in LISTS and _is_configured(given, KNOWN.get(given.name)) and not given.base_url


def _row(given: ProviderSettings) -> KnownService | None:
    """What is known of the service behind HTTP that is given; None when that does not make one."""
    row = KNOWN.get(given.name)
    if not _is_configured(given, row):
        return None
    row = row or KnownService(given.name, "")
    if given.base_url:  # Why: a known service's facts do not hold for another address, but what it speaks does
        row = KnownService(given.name, given.base_url, quirks=row.quirks, format=row.format)
    return row


def _service(given: ProviderSettings, row: KnownService) -> Service:
    """The way to a service, as its format wants it. Raises: WrongSettings."""
    base_url = _address(f"{given.name.upper()}_BASE_URL", row.base_url)
    key = _key(f"{given.name.upper()}_API_KEY", given.api_key)
    version_path, headers = _WAYS[row.format]
    # Why the end is cut: the version is part of each call's path, and people give addresses in both forms.
    return Service(given.name, base_url.removesuffix(version_path), key, headers)


def _speaker(service: Service, given: ProviderSettings, row: KnownService, prices: PriceList) -> Provider:
    """The provider that speaks the service's format."""

    hints = Hints(given.model, lambda model: prices.context_tokens(given.name, model) or row.context_tokens)
    match row.format:
        case "openai":
            return OpenAIProvider(service, hints, quirks=row.quirks)
        case "anthropic":
            return AnthropicProvider(service, hints)
        case "gemini":
            return GeminiProvider(service, hints)


def _is_configured(given: ProviderSettings, row: KnownService | None) -> bool:
    """A known one needs its key or another address, a keyless one any variable, an unknown one its address."""
    if row is None:
        # Why not any address: a stray APP_BASE_URL=/app of another program must not stop our start.
        is_address = (given.base_url or "").startswith(("http://", "https://"))
        return is_address or bool(given.base_url and (given.api_key or given.model))
    return bool(given.api_key or given.base_url or (given.model and not row.needs_key))


def _check_certificates() -> None:
    """Return when those of the environment can be read. Raises: WrongSettings."""
    try:
        trusted()
    except OSError as exc:
        raise WrongSettings(f"SSL_CERT_FILE: its certificates cannot be read: {exc.strerror or exc}") from exc


def _address(variable: str, url: str) -> str:
    """`url` without a slash at its end. Raises: WrongSettings when it, or its proxy, is no http or https address."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise WrongSettings(f"{variable}: it must begin with http:// or https:// (it is {url!r})")
    try:
        proxy_of(url)
    except ValueError as exc:
        raise WrongSettings(str(exc)) from exc
    return url.rstrip("/")


def _key(variable: str, value: SecretStr | None) -> str | None:
    """The key, None when it is blank. Raises: WrongSettings when it cannot stand in a header."""
    key = value.get_secret_value().strip() if value else ""
    if not (key.isascii() and key.isprintable()):
        raise WrongSettings(f"{variable}: it holds characters that no key has")
    return key or None
