"""A service that speaks OpenAI's chat completions. The format: openai_wire.py; connections and statuses: http.py."""

from collections.abc import AsyncGenerator
from functools import partial

from chatkeep.chat.events import ProviderEvent
from chatkeep.chat.ports import ProviderRequest
from chatkeep.providers.catalog import NO_HINTS, Catalog, Hints
from chatkeep.providers.conversation import converse
from chatkeep.providers.failures import RequestRefused
from chatkeep.providers.http import Service
from chatkeep.providers.openai_wire import USUAL, Quirks, ReplyDecoder, decode_models, encode_request, repeated_in
from chatkeep.providers.sse import SseDecoder


class OpenAIProvider:
    """A service that speaks chat completions."""

    def __init__(self, service: Service, hints: Hints = NO_HINTS, *, quirks: Quirks = USUAL) -> None:
        self._service = service
        self._quirks = quirks
        self._catalog = Catalog(partial(service.fetch, "/models", decode_models), hints)

    @property
    def name(self) -> str:
        """As configured."""
        return self._service.name

    async def models(self) -> list[str]:
        """The ids of GET /models, the default one first."""
        return await self._catalog.renew()

    async def check(self) -> None:
        """Return when it lists its models."""
        await self.models()

    def context_tokens(self, model: str) -> int | None:
        """What the service told with its models, else what is known from elsewhere."""
        return self._catalog.context_tokens(model)

    def can_see(self, model: str) -> bool | None:
        """What the service told with its models."""
        listed = self._catalog.find(model)
        return listed.can_see if listed is not None else None

    def can_prefill(self, model: str) -> bool:  # noqa: ARG002 - the port's; here the service decides
        """Whether the service is one that does."""
        return bool(self._quirks.prefill)

    def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the reply as it comes; `Finish` is last. Closing the iterator closes the connection.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong.
        """
        if request.is_prefilled and not self._quirks.prefill:
            raise RequestRefused(f"{self.name} cannot go on with a reply that was begun.")
        content = encode_request(request, self._quirks)
        reply = ReplyDecoder(repeated_in(request, self._quirks))
        return converse(self._service, "/chat/completions", content, "text/event-stream", SseDecoder(), reply)
