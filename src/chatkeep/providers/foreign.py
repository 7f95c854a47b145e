"""A provider whose code is somebody else's: the one place where that code is called. Which there are: plugins.py.

Whatever it raises, gives or hangs in comes out as the port says, so that fallbacks take over and the server goes on.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import structlog

from chatkeep.chat.events import ProviderEvent
from chatkeep.chat.ports import ProviderRequest
from chatkeep.errors import ChatkeepError, ContextTooLong, ModelNotFound, ProviderFailed, ProviderNotConfigured
from chatkeep.providers.failures import named
from chatkeep.providers.simple import METHOD, SimpleProvider
from chatkeep.providers.threads import Threads

_MAKE_S = 2.0  # less than a check takes; one that needs longer, to load a model say, is there from a later check on
_CLOSE_S = 3.0
_PORT = ("models", "check", "stream")  # what a full provider must have
_OURS = (ProviderFailed, ModelNotFound, ContextTooLong)

_logger = structlog.get_logger("chatkeep.plugins")


class ForeignProvider:
    """The provider that `make` makes, once and in a thread, when it is first asked for.

    It is a whole `Provider`, whose `models`, `check` and `aclose` may block, or has just `generate_chat_response`.
    `origin` says to people where it comes from. Whoever asks while it is being made waits for `make_s` at most.
    """

    def __init__(self, name: str, origin: str, make: Callable[[], object], *, make_s: float = _MAKE_S) -> None:
        self._name = name
        self._origin = origin
        self._make = make
        self._make_s = make_s
        self._threads = Threads(f"plugin-{name}")
        self._making: asyncio.Task[None] | None = None
        self._provider: Any = None
        self._wrong: str | None = None

    @property
    def name(self) -> str:
        """As given, whatever it calls itself."""
        return self._name

    async def models(self) -> list[str]:
        """What it offers. Raises: ProviderFailed, ProviderNotConfigured."""
        provider = await self._made()
        with self._edge():
            listed = await self._threads.call(provider.models)
            if not (isinstance(listed, list) and all(isinstance(model, str) for model in listed)):
                raise TypeError("models() gave no list of names")
            return listed

    async def check(self) -> None:
        """Return when it would answer now. Raises: ProviderFailed, ProviderNotConfigured."""
        provider = await self._made()
        with self._edge():
            await self._threads.call(provider.check)

    def context_tokens(self, model: str) -> int | None:
        """As it says, None while it is not there."""
        told = self._told("context_tokens", model)
        return told if isinstance(told, int) and told > 0 else None

    def can_prefill(self, model: str) -> bool:
        """As it says, False while it is not there."""
        return self._told("can_prefill", model) is True

    def can_see(self, model: str) -> bool | None:
        """As it says, None while it is not there and when it does not say."""
        told = self._told("can_see", model)
        return told if isinstance(told, bool) else None

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        """Yield its reply as it comes. Closing the iterator closes its own, for a moment; a failure of that is none.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong.
        """
        provider = await self._made()
        with self._edge():
            events = aiter(provider.stream(request))
            try:
                async for event in events:
                    if _is_cancelled():  # Why: it may have kept that to itself, and who stops a run waits for the end.
                        raise asyncio.CancelledError
                    if not isinstance(event, ProviderEvent):
                        raise TypeError(f"it gave {type(event).__name__} in place of an event")
                    yield event
            finally:
                await self._close(getattr(events, "aclose", None))

    async def aclose(self) -> None:
        """Let it close what it has open, for a moment."""
        if self._making is not None:
            self._making.cancel()
            await asyncio.wait([self._making])
        if close := getattr(self._provider, "aclose", None):
            await self._close(partial(self._threads.call, close))

    async def _close(self, close: Callable[[], Awaitable[object]] | None) -> None:
        """Never fails: foreign code must not keep the server from stopping, nor spoil a reply that is whole."""
        if close is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_S):
                with self._edge():
                    await close()
        except (ChatkeepError, TimeoutError) as exc:
            _logger.warning("plugin_not_closed", provider=self._name, origin=self._origin, error=named(exc))

    async def _made(self) -> Any:
        """The provider itself. Raises: ProviderNotConfigured when there is none, or none yet."""
        if self._provider is None:
            await self._wait_for_it()
        if self._provider is None:
            raise ProviderNotConfigured(f"The plug-in of {self._origin} cannot be used: {self._wrong}.")
        return self._provider

    async def _wait_for_it(self) -> None:
        if self._making is None:
            self._making = asyncio.create_task(self._try_to_make(), name=f"make-{self._name}")
        await asyncio.wait([self._making], timeout=self._make_s)
        if not self._making.done():
            self._give_up("it has been loading for some seconds")

    async def _try_to_make(self) -> None:
        try:
            self._provider = await self._threads.call(self._whole)
        except Exception as exc:  # noqa: BLE001 - whatever foreign code does there
            self._give_up(named(exc))

    def _whole(self) -> object:
        made = self._make()
        if callable(getattr(made, "stream", None)):
            missing = [f"{name}()" for name in _PORT if not callable(getattr(made, name, None))]
            if missing:
                raise TypeError(f"it has stream() and no {' and no '.join(missing)}")
            return made
        if callable(getattr(made, METHOD, None)):
            return SimpleProvider(self._name, made, self._threads)
        raise TypeError(f"it has neither stream() nor {METHOD}()")

    def _give_up(self, wrong: str) -> None:
        if self._wrong != wrong:
            self._wrong = wrong
            _logger.warning("plugin_unusable", provider=self._name, origin=self._origin, error=wrong)

    def _told(self, what: str, model: str) -> object:
        tell = getattr(self._provider, what, None)
        try:
            return tell(model) if tell else None
        except BaseException:  # noqa: BLE001 - not knowing it is no failure of the call
            return None

    @contextmanager
    def _edge(self) -> Iterator[None]:
        """Foreign errors become ours. Raises: ProviderFailed."""
        try:
            yield
        except (*_OURS, GeneratorExit):
            raise
        except asyncio.CancelledError as exc:
            if _is_cancelled():
                raise
            # Why: something of its own was cancelled, and to us that would look like the end of the server.
            raise ProviderFailed(f"{self._name}: it cancelled itself.") from exc
        except BaseException as exc:  # SystemExit and its like, too: a run must have its end
            raise ProviderFailed(f"{self._name}: {named(exc)}") from exc


def _is_cancelled() -> bool:
    """Whether the current task is being made to end."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
