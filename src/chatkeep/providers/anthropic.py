"""A service that speaks Anthropic's Messages. Its format: anthropic_wire.py; its models: anthropic_models.py."""

from collections.abc import AsyncGenerator
from functools import partial

from chatkeep.chat.events import ProviderEvent
from chatkeep.chat.ports import ProviderRequest
from chatkeep.providers.anthropic_models import can_prefill, decode_models
from chatkeep.providers.anthropic_wire import VERSION_PATH, ReplyDecoder, encode_request, unsent_end
from chatkeep.providers.catalog import NO_HINTS, Catalog, Hints, Paging, all_pages
from chatkeep.providers.conversation import converse
from chatkeep.providers.http import Service
from chatkeep.providers.sse import SseDecoder

_PAGING = Paging(f"{VERSION_PATH}/models", size="limit", begins="after_id")


class AnthropicProvider:
    """A service that speaks Messages."""

    def __init__(self, service: Service, hints: Hints = NO_HINTS) -> None:
        self._service = service
        self._catalog = Catalog(partial(all_pages, service, _PAGING, decode_models), hints)

    @property
    def name(self) -> str:
        """As configured."""
        return self._service.name

    async def models(self) -> list[str]:
        """The models that take calls, the default one first, else the newest. Raises: ProviderFailed."""
        return await self._catalog.renew()

    async def check(self) -> None:
        """Return when it lists its models. Raises: ProviderFailed."""
        await self.models()

    def context_tokens(self, model: str) -> int | None:
        """What the service told with its models, else what is known from elsewhere."""
        return self._catalog.context_tokens(model)

    def can_see(self, model: str) -> bool | None:
        """What the service told with its models."""
        listed = self._catalog.find(model)
        return listed.can_see if listed is not None else None

    def can_prefill(self, model: str) -> bool:
        """As far as its name tells: the generations up to 4.5 do."""
        return can_prefill(model)

    def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the reply as it comes; `Finish` is last. Closing the iterator closes the connection.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong; at once when the format cannot say the request.
        """
        content = encode_request(request, self._catalog.find(request.model))
        reply = ReplyDecoder(unsent_end(request))
        return converse(self._service, f"{VERSION_PATH}/messages", content, "text/event-stream", SseDecoder(), reply)
