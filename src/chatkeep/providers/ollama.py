"""Ollama through its own API. The format: ollama_wire.py; connections and statuses: http.py."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import msgspec

from chatkeep.chat.events import ProviderEvent
from chatkeep.chat.ports import ProviderRequest
from chatkeep.errors import ProviderFailed
from chatkeep.providers.catalog import led_by
from chatkeep.providers.conversation import converse
from chatkeep.providers.http import Service
from chatkeep.providers.ollama_wire import (
    ReplyDecoder,
    ShownModel,
    decode_models,
    decode_show,
    decode_version,
    encode_request,
)
from chatkeep.providers.sse import LineDecoder

_LEARN_S = 1.0  # for all models at once; one is a few milliseconds' work
_LEARN_AT_ONCE = 8


class OllamaProvider:
    """One Ollama server. `default_model` leads its list of models when it is given.

    `context_tokens` replaces every model's window.
    """

    def __init__(
        self, service: Service, *, default_model: str | None = None, context_tokens: int | None = None
    ) -> None:
        self._service = service
        self._default_model = default_model
        self._context_tokens = context_tokens
        self._shown: dict[str, ShownModel] = {}

    @property
    def name(self) -> str:
        """As configured."""
        return self._service.name

    async def models(self) -> list[str]:
        """What is pulled there, the default one first, else the newest. Raises: ProviderFailed.

        What they are is learnt as well: a prompt must be cut to fit before the first call.
        """
        names = await self._service.fetch("/api/tags", decode_models)
        listed = led_by(self._default_model, names)
        # Why forget: Ollama takes a name in any case and with or without its registry, and users may try them all.
        self._shown = {name: self._shown[name] for name in listed if name in self._shown}
        await self._learn_all(listed)
        return listed

    async def check(self) -> None:
        """Return when it tells its version. Raises: ProviderFailed."""
        await self._service.fetch("/api/version", decode_version)

    def context_tokens(self, model: str) -> int | None:
        """The window that each call asks for; None for a model not in the last list, until its next call."""
        shown = self._find(model)
        return self._context_tokens or (shown.context_tokens if shown is not None else None)

    def can_prefill(self, model: str) -> bool:  # noqa: ARG002 - the port's; here they are all alike
        """Yes: Ollama goes on with a last message of the assistant."""
        return True

    def can_see(self, model: str) -> bool | None:
        """What Ollama tells of the model; None for one that is not in the last list, until its next call."""
        shown = self._find(model)
        return shown.can_see if shown is not None else None

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        """Yield the reply as it comes; `Finish` is last. Closing the iterator closes the connection.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong.
        """
        # Why again: a model that is not listed, or a list that was never asked for.
        if self.context_tokens(request.model) is None:
            await self._learn(request.model)
        content = encode_request(request, self.context_tokens(request.model))
        replying = converse(self._service, "/api/chat", content, "application/x-ndjson", LineDecoder(), ReplyDecoder())
        async with aclosing(replying) as events:
            async for event in events:
                yield event

    def _find(self, model: str) -> ShownModel | None:
        return self._shown.get(model) or self._shown.get(f"{model}:latest")

    async def _learn_all(self, models: list[str]) -> None:
        """Learn what is not known yet, the first ones first; what takes too long is learnt with its first call."""
        places = asyncio.Semaphore(_LEARN_AT_ONCE)

        async def learn(model: str) -> None:
            async with places:
                await self._learn(model)

        with suppress(TimeoutError):
            async with asyncio.timeout(_LEARN_S):
                await asyncio.gather(*map(learn, models))

    async def _learn(self, model: str) -> None:
        """Ask what the model is, once. Best effort: with an unknown window nothing is trimmed."""
        if self._find(model) is not None:
            return
        with suppress(ProviderFailed):
            content = msgspec.json.encode({"model": model})
            self._shown[model] = await self._service.fetch("/api/show", decode_show, content)
