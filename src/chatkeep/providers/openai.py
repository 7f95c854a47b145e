"""A service that speaks OpenAI's chat completions. The format: openai_wire.py; connections and statuses: http.py."""

from collections.abc import AsyncGenerator, Callable

from chatkeep.chat.events import ProviderEvent
from chatkeep.chat.ports import ProviderRequest
from chatkeep.providers.conversation import converse
from chatkeep.providers.failures import RequestRefused
from chatkeep.providers.http import Service
from chatkeep.providers.model_lists import led_by
from chatkeep.providers.openai_wire import USUAL, Quirks, ReplyDecoder, decode_models, encode_request, repeated_in
from chatkeep.providers.sse import SseDecoder


class OpenAIProvider:
    """A service that speaks chat completions. `default_model` leads its list of models when it is given.

    `known_window` tells the window, in tokens, of a model of which the service itself tells none.
    """

    def __init__(
        self,
        service: Service,
        *,
        quirks: Quirks = USUAL,
        default_model: str | None = None,
        known_window: Callable[[str], int | None] = lambda _: None,
    ) -> None:
        self._service = service
        self._quirks = quirks
        self._default_model = default_model
        self._known_window = known_window
        self._windows: dict[str, int] = {}

    @property
    def name(self) -> str:
        """As configured."""
        return self._service.name

    async def models(self) -> list[str]:
        """The ids of GET /models, the default one first."""
        listed = await self._service.fetch("/models", decode_models)
        ids = {model.id.removeprefix("models/"): model for model in listed}  # Gemini prefixes them
        self._windows = {id_: model.context_tokens for id_, model in ids.items() if model.context_tokens}
        return led_by(self._default_model, ids)

    async def check(self) -> None:
        """Return when it lists its models."""
        await self.models()

    def context_tokens(self, model: str) -> int | None:
        """What the service told with its models, else what is known from elsewhere."""
        return self._windows.get(model) or self._known_window(model)

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
