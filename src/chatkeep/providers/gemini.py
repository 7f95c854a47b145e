"""A service that speaks Gemini's generateContent. The format: gemini_wire.py; connections and statuses: http.py."""

from collections.abc import AsyncGenerator
from functools import partial

from chatkeep.chat.events import ProviderEvent
from chatkeep.chat.ports import ProviderRequest
from chatkeep.providers.catalog import NO_HINTS, Catalog, Hints, Paging, all_pages
from chatkeep.providers.conversation import converse
from chatkeep.providers.gemini_wire import (
    VERSION_PATH,
    ReplyDecoder,
    decode_models,
    encode_request,
    path_of,
)
from chatkeep.providers.http import Service
from chatkeep.providers.sse import SseDecoder

_PAGING = Paging(f"{VERSION_PATH}/models", size="pageSize", begins="pageToken")


class GeminiProvider:
    """A service that speaks generateContent."""

    def __init__(self, service: Service, hints: Hints = NO_HINTS) -> None:
        self._service = service
        self._catalog = Catalog(partial(all_pages, service, _PAGING, decode_models), hints)

    @property
    def name(self) -> str:
        """As configured."""
        return self._service.name

    async def models(self) -> list[str]:
        """The models that answer with text, the default one first. Raises: ProviderFailed."""
        return await self._catalog.renew()

    async def check(self) -> None:
        """Return when it lists its models. Raises: ProviderFailed."""
        await self.models()

    def context_tokens(self, model: str) -> int | None:
        """What the service told with its models, else what is known from elsewhere."""
        return self._catalog.context_tokens(model)

    def can_see(self, model: str) -> bool | None:  # noqa: ARG002 - the port's; here none is told of
        """Not known: the list of models does not tell, and some of them take text alone."""
        return None

    def can_prefill(self, model: str) -> bool:  # noqa: ARG002 - the port's; here they are all alike
        """No: the format has no word for it."""
        return False

    def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the reply as it comes; `Finish` is last. Closing the iterator closes the connection.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong; at once when the format cannot say the request.
        """
        content = encode_request(request, self._catalog.find(request.model))
        return converse(
            self._service, path_of(request.model), content, "text/event-stream", SseDecoder(), ReplyDecoder()
        )
