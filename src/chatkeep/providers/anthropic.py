"""A service that speaks Anthropic's Messages. Its format: anthropic_wire.py; its models: anthropic_models.py."""

from collections.abc import AsyncGenerator, Callable

from chatkeep.chat.events import ProviderEvent
from chatkeep.chat.ports import ProviderRequest
from chatkeep.providers.anthropic_models import ListedModel, can_prefill, decode_models
from chatkeep.providers.anthropic_wire import VERSION_PATH, ReplyDecoder, encode_request, unsent_end
from chatkeep.providers.conversation import converse
from chatkeep.providers.http import Service
from chatkeep.providers.model_lists import Paging, all_pages, led_by
from chatkeep.providers.sse import SseDecoder

_PAGING = Paging(f"{VERSION_PATH}/models", size="limit", begins="after_id")


class AnthropicProvider:
    """A service that speaks Messages. `default_model` leads its list of models when it is given.

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
        """The models that take calls, the default one first, else the newest. Raises: ProviderFailed."""
        listed = await all_pages(self._service, _PAGING, decode_models)
        self._listed = {model.id: model for model in listed if model.lifecycle != "retired"}
        return led_by(self._default_model, self._listed)

    async def check(self) -> None:
        """Return when it lists its models. Raises: ProviderFailed."""
        await self.models()

    def context_tokens(self, model: str) -> int | None:
        """What the service told with its models, else what is known from elsewhere."""
        listed = self._listed.get(model)
        return (listed and listed.max_input_tokens) or self._known_window(model)

    def can_prefill(self, model: str) -> bool:
        """As far as its name tells: the generations up to 4.5 do."""
        return can_prefill(model)

    def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the reply as it comes; `Finish` is last. Closing the iterator closes the connection.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong; at once when the format cannot say the request.
        """
        content = encode_request(request, self._listed.get(request.model))
        reply = ReplyDecoder(unsent_end(request))
        return converse(self._service, f"{VERSION_PATH}/messages", content, "text/event-stream", SseDecoder(), reply)
