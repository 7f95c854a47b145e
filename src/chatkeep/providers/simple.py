"""Take a class that only has `async generate_chat_response(messages, temperature)` for a provider."""

from collections.abc import AsyncGenerator
from typing import Protocol, TypedDict

from chatkeep.chat.events import Delta, Finish, ProviderEvent
from chatkeep.chat.model import text_of
from chatkeep.chat.ports import ProviderRequest
from chatkeep.errors import ChatkeepError, ProviderFailed

DEFAULT_TEMPERATURE = 0.7  # such a class wants one, whether or not the request says


class PlainMessage(TypedDict):
    """A message as such a class gets it."""

    role: str
    content: str


class SimpleChat(Protocol):
    """What such a class has to have."""

    async def generate_chat_response(self, messages: list[PlainMessage], temperature: float) -> str:
        """The reply to these messages, oldest first, in one piece."""
        ...


class SimpleProvider:
    """Makes a provider of `chat`. Its reply comes as one delta; what it raises becomes ProviderFailed."""

    def __init__(
        self, name: str, chat: SimpleChat, *, model: str = "default", context_tokens: int | None = None
    ) -> None:
        self._name = name
        self._chat = chat
        self._model = model
        self._context_tokens = context_tokens

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    async def models(self) -> list[str]:
        """The one it was given."""
        return [self._model]

    async def check(self) -> None:
        """Return at once: such a class cannot be asked without a call."""

    def context_tokens(self, model: str) -> int | None:  # noqa: ARG002 - the port's; here there is one model
        """As given."""
        return self._context_tokens

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        """Yield the whole reply, then `Finish`. Closing the iterator cancels the call. Raises: ProviderFailed."""
        messages = [PlainMessage(role=message.role, content=text_of(message.content)) for message in request.messages]
        temperature = DEFAULT_TEMPERATURE if request.temperature is None else request.temperature
        try:
            text = await self._chat.generate_chat_response(messages, temperature)
        except ChatkeepError:
            raise
        except Exception as exc:  # foreign code: whatever it raises is its failure, not ours
            raise ProviderFailed(f"{self._name}: {type(exc).__name__}: {exc}") from exc
        if not isinstance(text, str):
            raise ProviderFailed(f"{self._name}: the reply is not text but {type(text).__name__}.")
        if text:
            yield Delta(text)
        yield Finish("stop")
