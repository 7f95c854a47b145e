"""A service that speaks Gemini's generateContent. The format: gemini_wire.py; connections and statuses: http.py."""

from collections.abc import AsyncGenerator, Callable

from chatkeep.chat.events import ProviderEvent
from chatkeep.chat.ports import ProviderRequest
from chatkeep.providers.conversation import converse
from chatkeep.providers.gemini_wire import (
    VERSION_PATH,
    ListedModel,
    ReplyDecoder,
    decode_models,
    encode_request,
    path_of,
)
from chatkeep.providers.http import Service
from chatkeep.providers.model_lists import Paging, all_pages, led_by
from chatkeep.providers.sse import SseDecoder

_PAGING = Paging(f"{VERSION_PATH}/models", size="pageSize", begins="pageToken")


class GeminiProvider:
    """A service that speaks generateContent. `default_model` leads its list of models when it is given.

    `known_window` tells the window, in tokens, of a model of which the service itself tells none.
    """

    def __init__(
        self,
        service: Service,
        *,
        default_model: str | None = None,
        known_window: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        self._service = service
        self._default_model = default_model
        self._known_window = known_window
        self._listed: dict[str, ListedModel] = {}

    @property
    def name(self) -> str:
        """As configured."""
        return self._service.name

    async def models(self) -> list[str]:
        """The models that answer with text, the default one first. Raises: ProviderFailed."""
        listed = await all_pages(self._service, _PAGING, decode_models)
        self._listed = {model.id: model for model in listed if model.answers}
        return led_by(self._default_model, self._listed)

    async def check(self) -> None:
        """Return when it lists its models. Raises: ProviderFailed."""
        await self.models()

    def context_tokens(self, model: str) -> int | None:
        """What the service told with its models, else what is known from elsewhere."""
        listed = self._listed.get(model)
        return (listed and listed.input_token_limit) or self._known_window(model)

    def can_prefill(self, model: str) -> bool:  # noqa: ARG002 - the port's; here they are all alike
        """No: the format has no word for it."""
        return False

    def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the reply as it comes; `Finish` is last. Closing the iterator closes the connection.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong; at once when the format cannot say the request.
        """
        content = encode_request(request, self._listed.get(request.model))
        return converse(
            self._service, path_of(request.model), content, "text/event-stream", SseDecoder(), ReplyDecoder()
        )
