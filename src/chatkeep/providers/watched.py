"""One provider and what is known of it: its state, its models, its last error. Which one is used: registry.py."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import structlog

from chatkeep.chat.guard import RunTooLong
from chatkeep.chat.model import now, timestamp
from chatkeep.chat.ports import Provider, ProviderInfo, ProviderState
from chatkeep.errors import ChatkeepError, ProviderFailed, ProviderNotConfigured, ProviderRateLimited
from chatkeep.providers.breaker import Breaker
from chatkeep.providers.failures import CallsPaused, KeyRefused, RequestRefused, named

CHECK_S = 3.0  # a provider that takes longer to list its models counts as unreachable

StateListener = Callable[[str, ProviderState, ProviderState, str | None], None]
"""Told of each change of a provider's state: its name, the old state, the new one, and the error."""


class Timing(NamedTuple):
    """When a provider is checked, in seconds on a clock that only goes forward."""

    recheck_s: float = 15.0  # while something is wrong: an Ollama that was started later is found this soon
    relist_s: float = 300.0  # how old a list of models may get
    clock: Callable[[], float] = time.monotonic


_logger = structlog.get_logger("chatkeep.providers")


class Watched:
    """A provider under watch: UNHEALTHY until its first check says otherwise.

    `model` is the one to use when a request names none; `suggested_model` is used only while
    the provider lists it. `is_chosen` says that someone configured it, it is not just there; of one that is not and
    cannot be reached, `how_to_configure` is what is said. `breaker` is its own.
    `is_reachable` says that its last check, or a call since, succeeded: unlike `state`, failed calls do not change
    it. `models` are those of its last check that went well. `listeners` are told when the state changes, by a check
    or by a call.
    """

    def __init__(
        self,
        provider: Provider,
        *,
        model: str | None = None,
        suggested_model: str | None = None,
        is_chosen: bool = True,
        how_to_configure: str | None = None,
        timing: Timing = Timing(),  # noqa: B008 - it cannot be changed
        breaker: Breaker | None = None,
    ) -> None:
        self.provider = provider
        self.is_chosen = is_chosen
        self._how_to_configure = how_to_configure
        self._timing = timing
        self._clock = timing.clock
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
        self._breaker = breaker or Breaker()
        self._failing: tuple[str, str] | None = None  # since when, and the last call's error
        self._key_error: str | None = None  # what refused the key, as long as no call was answered since
        self._told_due_at, self._told = 0.0, ""
        self._changed = asyncio.Event()

    @property
    def info(self) -> ProviderInfo:
        """What is known now."""
        retry_at = self._retry_at if self._breaker.is_open else None
        return ProviderInfo(self.provider.name, self.state, self.error, list(self.models), self._last_checked, retry_at)

    @property
    def model(self) -> str | None:
        """The model to use when a request names none; None while that is unknown."""
        if self._model:
            return self._model
        if self._suggested_model and (not self.models or self._suggested_model in self.models):
            return self._suggested_model
        return self.models[0] if self.models else None

    @property
    def offered(self) -> list[str]:
        """Its models; while it has never listed any, the default one alone if that is known."""
        return [self.model] if self.model and not self.models else self.models

    async def keep_checked(self) -> None:
        """Check now, and again and again: soon while something is wrong, else when the list of models gets old."""
        while True:
            await self.check()
            _logger.debug("provider_checked", provider=self.provider.name, state=self.state.value)
            await self._until_due(self._clock())

    async def check(self) -> None:
        """Ask the provider, for at most `CHECK_S`, and keep what it says. Never fails.

        Those who check at the same time share one call.
        """
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._ask(), name=f"check-{self.provider.name}")
        # Why: one who leaves must not take the answer from the others.
        await asyncio.shield(self._asking)

    async def checked(self) -> None:
        """Return when it was checked once, or could have been."""
        try:
            async with asyncio.timeout(CHECK_S):
                await self._first_check.wait()
        except TimeoutError:
            return

    async def aclose(self) -> None:
        """End a check that is going on, or leave it behind: a plug-in's may not let itself be ended."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking], timeout=CHECK_S)

    def admit(self) -> None:
        """Return when it may be called now. Raises: CallsPaused."""
        wait_s = self._breaker.admit(self._clock())
        if wait_s:
            since, error = self._failing or (now(), "")
            until = f"until {self._retry_at}" if self._breaker.is_open else "while one call tries it"
            raise CallsPaused(
                f"{self.provider.name} has failed since {since}, and is not called {until}. {error}".rstrip(),
                retry_after_s=wait_s,
            )

    def report(self, error: Exception | None) -> None:
        """Note how a real call went. What a request brought about is not its fault, and a rate limit no failure."""
        match error:
            case None:
                self.is_reachable = True
                self._answered(None)
            case ProviderRateLimited():
                self._answered(error.detail)
            case RequestRefused() | RunTooLong():
                self._breaker.undecided()
            case ProviderNotConfigured():
                self.is_reachable = False
                self._breaker.undecided()
                self._note(ProviderState.NOT_CONFIGURED, error.detail)
            case KeyRefused():
                # Why not counted: it may be about one model, and whoever names that would take all from the others.
                self._breaker.undecided()
                if self._key_error is None:
                    _logger.warning("provider_refused_key", provider=self.provider.name, error=error.detail)
                self._key_error = error.detail
                self._note(ProviderState.UNHEALTHY, error.detail)
            case ProviderFailed():
                self._failed(error.detail)
            case _:
                # Why not counted: a fault of ours, which one request may meet again and again.
                self._breaker.undecided()

    async def _until_due(self, checked_at: float) -> None:
        while (left_s := self._due_at(checked_at) - self._clock()) > 0:
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(left_s):
                    await self._changed.wait()

    def _due_at(self, checked_at: float) -> float:
        """When the next check is due, by what is known now."""
        if not self._breaker.is_closed:
            return self._breaker.due_at
        return checked_at + (self._timing.relist_s if self.state is ProviderState.HEALTHY else self._timing.recheck_s)

    async def _ask(self) -> None:
        failure = await self._failure_of_check()
        self.is_reachable = failure is None
        self._breaker.checked(self._clock(), well=failure is None)
        if failure is not None:
            self._note(*failure)
        elif self._breaker.is_closed:
            # Why not healthy: some list their models to everybody, with a wrong key and without one.
            self._note(ProviderState.UNHEALTHY if self._key_error else ProviderState.HEALTHY, self._key_error)
        elif self._failing is not None:
            # Why not healthy: it lists its models well, and every call of them fails.
            self._note(ProviderState.UNHEALTHY, self._failing[1])
        self._last_checked = now()
        self._first_check.set()

    async def _failure_of_check(self) -> tuple[ProviderState, str] | None:
        """What a check says is wrong; None when all is well, and `models` are new then."""
        try:
            async with asyncio.timeout(CHECK_S):
                await self.provider.check()
                self.models = await self.provider.models()
        except TimeoutError:
            return self._absent, f"It did not answer within {CHECK_S:g} s."
        except ProviderNotConfigured as exc:
            return ProviderState.NOT_CONFIGURED, exc.detail
        except ChatkeepError as exc:
            return self._absent, exc.detail
        except Exception as exc:  # noqa: BLE001 - a plug-in's: it must not end the watch
            return ProviderState.UNHEALTHY, named(exc)
        return None

    def _answered(self, error: str | None) -> None:
        was_closed = self._breaker.is_closed
        self._breaker.answered()
        self._failing = None
        self._key_error = None
        self._note(ProviderState.HEALTHY, error)
        if not was_closed:
            _logger.info("provider_resumed", provider=self.provider.name)

    def _failed(self, error: str) -> None:
        was_open = self._breaker.is_open
        self._breaker.failed(self._clock())
        self._failing = (self._failing[0] if self._failing else now(), error)
        self._note(ProviderState.UNHEALTHY, error)
        if self._breaker.is_open and not was_open:
            _logger.warning("provider_paused", provider=self.provider.name, error=error, until=self._retry_at)

    @property
    def _retry_at(self) -> str:
        """When the next check that counts is due, as everybody is told it: the same text until it is put off."""
        due_at = self._breaker.due_at
        if self._told_due_at != due_at:
            self._told_due_at = due_at
            self._told = timestamp(datetime.now(UTC) + timedelta(seconds=due_at - self._clock()))
        return self._told

    @property
    def _absent(self) -> ProviderState:
        """What it means when it cannot be reached: for one that nobody configured and that was never there, nothing."""
        return ProviderState.UNHEALTHY if self.is_chosen or self.models else ProviderState.NOT_CONFIGURED

    def _note(self, state: ProviderState, error: str | None) -> None:
        self._changed.set()
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
