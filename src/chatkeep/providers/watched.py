"""One provider and what is known of it: its state, its models, its last error. Which one is used: registry.py."""

import asyncio
from collections.abc import Callable

import structlog

from chatkeep.chat.model import now
from chatkeep.chat.ports import Provider, ProviderInfo, ProviderState
from chatkeep.errors import ChatkeepError, ProviderFailed, ProviderNotConfigured, ProviderRateLimited
from chatkeep.providers.failures import RequestRefused, explain

CHECK_S = 3.0  # a provider that takes longer to list its models counts as unreachable


StateListener = Callable[[str, ProviderState, ProviderState, str | None], None]
"""Told of each change of a provider's state: its name, the old state, the new one, and the error."""

_logger = structlog.get_logger("chatkeep.providers")


class Watched:
    """A provider under watch: UNHEALTHY until its first check says otherwise.

    `model` is the one to use when a request names none; `suggested_model` is used only while
    the provider lists it. `is_chosen` says that someone configured it, it is not just there; of one that is not and
    cannot be reached, `how_to_configure` is what is said.
    `is_reachable` says that its last check, or a call since, succeeded: unlike `state`, one
    failed call does not change it. `listeners` are told when the state changes, by a check or by a call.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        model: str | None = None,
        suggested_model: str | None = None,
        is_chosen: bool = True,
        how_to_configure: str | None = None,
    ) -> None:
        self.provider = provider
        self.is_chosen = is_chosen
        self._how_to_configure = how_to_configure
        self.state = ProviderState.UNHEALTHY
        self.is_reachable = False
        self.error: str | None = None
        self.models: list[str] = []
        self._model = model
        self._suggested_model = suggested_model
        self._last_checked: str | None = None
        self._first_check = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None
        self.listeners: list[StateListener] = []

    @property
    def info(self) -> ProviderInfo:
        """What is known now."""
        return ProviderInfo(self.provider.name, self.state, self.error, list(self.models), self._last_checked)

    @property
    def model(self) -> str | None:
        """The model to use when a request names none; None while that is unknown."""
        if self._model:
            return self._model
        if self._suggested_model and (not self.models or self._suggested_model in self.models):
            return self._suggested_model
        return self.models[0] if self.models else None

    async def check(self) -> None:
        """Ask the provider, for at most `CHECK_S`, and keep what it says. Never fails.

        Those who check at the same time share one call.
        """
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name=f"check-{self.provider.name}")
        # Why: one who leaves must not take the answer from the others.
        await asyncio.shield(self._asking)

    async def aclose(self) -> None:
        """End a check that is going on."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(CHECK_S):
                await self.provider.check()
                self.models = await self.provider.models()
            self._note(ProviderState.HEALTHY, None)
        except TimeoutError:
            self._note(self._absent, f"It did not answer within {CHECK_S:g} s.")
        except ProviderNotConfigured as exc:
            self._note(ProviderState.NOT_CONFIGURED, exc.detail)
        except ChatkeepError as exc:
            self._note(self._absent, exc.detail)
        except Exception as exc:  # noqa: BLE001 - a plug-in's: it must not end the watch over the others
            self._note(ProviderState.UNHEALTHY, _of_plugin(exc))
        self.is_reachable = self.state is ProviderState.HEALTHY
        self._last_checked = now()
        self._first_check.set()

    async def checked(self) -> None:
        """Return when it was checked once, or could have been."""
        try:
            async with asyncio.timeout(CHECK_S):
                await self._first_check.wait()
        except TimeoutError:
            return

    def report(self, error: Exception | None) -> None:
        """Take over how a real call went. A refused request is the request's fault, and a rate limit is an answer."""
        if error is None:
            self.is_reachable = True
            self._note(ProviderState.HEALTHY, None)
        elif isinstance(error, RequestRefused):
            return
        elif isinstance(error, ProviderNotConfigured):
            self.is_reachable = False
            self._note(ProviderState.NOT_CONFIGURED, error.detail)
        elif isinstance(error, ProviderRateLimited):
            self._note(ProviderState.HEALTHY, error.detail)
        elif isinstance(error, ProviderFailed):
            self._note(ProviderState.UNHEALTHY, error.detail)
        elif not isinstance(error, ChatkeepError):
            self._note(ProviderState.UNHEALTHY, _of_plugin(error))

    @property
    def _absent(self) -> ProviderState:
        """What it means when it cannot be reached: for one that nobody configured and that was never there, nothing."""
        return ProviderState.UNHEALTHY if self.is_chosen or self.models else ProviderState.NOT_CONFIGURED

    def _note(self, state: ProviderState, error: str | None) -> None:
        if state is ProviderState.NOT_CONFIGURED:
            error = self._how_to_configure or error
        old, self.state, self.error = self.state, state, error
        if old is state:
            return
        for listener in self.listeners:
            try:
                listener(self.provider.name, old, state, error)
            except Exception:
                _logger.exception("listener_crashed")


def _of_plugin(error: Exception) -> str:
    return explain(f"{type(error).__name__}: {error}", None)
