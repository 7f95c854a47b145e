"""Ollama through its own API. The format: ollama_wire.py; connections and statuses: http.py."""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

import msgspec

from chatkeep.chat.events import ProviderEvent
from chatkeep.chat.ports import ProviderRequest
from chatkeep.errors import ProviderFailed
from chatkeep.providers.conversation import converse
from chatkeep.providers.http import Service
from chatkeep.providers.ollama_wire import (
    ReplyDecoder,
    decode_context_tokens,
    decode_models,
    decode_version,
    encode_request,
)
from chatkeep.providers.sse import LineDecoder


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
        self._windows: dict[str, int] = {}

    @property
    def name(self) -> str:
        """As configured."""
        return self._service.name

    async def models(self) -> list[str]:
        """What is pulled there, the default one first, else the newest. Raises: ProviderFailed."""
        names = await self._service.fetch("/api/tags", decode_models)
        first = [self._default_model] if self._default_model else []
        return first + [name for name in names if name not in first]

    async def check(self) -> None:
        """Return when it tells its version. Raises: ProviderFailed."""
        await self._service.fetch("/api/version", decode_version)

    def context_tokens(self, model: str) -> int | None:
        """The window that each call asks for; None until the first call of this model has learnt it."""
        return self._context_tokens or self._windows.get(model)

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        """Yield the reply as it comes; `Finish` is last. Closing the iterator closes the connection.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong.
        """
        await self._learn_window(request.model)
        content = encode_request(request, self.context_tokens(request.model))
        replying = converse(self._service, "/api/chat", content, "application/x-ndjson", LineDecoder(), ReplyDecoder())
        async with aclosing(replying) as events:
            async for event in events:
                yield event

    async def _learn_window(self, model: str) -> None:
        """Ask what the model's window is, once. Best effort: with an unknown window nothing is trimmed."""
        if self.context_tokens(model) is not None:
            return
        with suppress(ProviderFailed):
            content = msgspec.json.encode({"model": model})
            self._windows[model] = await self._service.fetch("/api/show", decode_context_tokens, content)
