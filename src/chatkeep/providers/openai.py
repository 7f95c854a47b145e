"""A service that speaks OpenAI's chat completions. The format: openai_wire.py; connections and statuses: http.py."""

from collections.abc import AsyncGenerator

from chatkeep.chat.events import ProviderEvent
from chatkeep.chat.ports import ProviderRequest
from chatkeep.providers.conversation import converse
from chatkeep.providers.http import Service
from chatkeep.providers.openai_wire import USUAL, Quirks, ReplyDecoder, decode_models, encode_request
from chatkeep.providers.sse import SseDecoder


class OpenAIProvider:
    """A service that speaks chat completions. `default_model` leads its list of models when it is given."""

    def __init__(
        self,
        service: Service,
        *,
        quirks: Quirks = USUAL,
        default_model: str | None = None,
        context_tokens: int | None = None,
    ) -> None:
        self._service = service
        self._quirks = quirks
        self._default_model = default_model
        self._context_tokens = context_tokens
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
        first = [self._default_model] if self._default_model else []
        return first + [id_ for id_ in ids if id_ not in first]

    async def check(self) -> None:
        """Return when it lists its models."""
        await self.models()

    def context_tokens(self, model: str) -> int | None:
        """What the service told with its models, else what is known of the service as a whole."""
        return self._windows.get(model, self._context_tokens)

    def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        """Yield the reply as it comes; `Finish` is last. Closing the iterator closes the connection.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong.
        """
        content = encode_request(request, self._quirks)
        return converse(self._service, "/chat/completions", content, "text/event-stream", SseDecoder(), ReplyDecoder())
