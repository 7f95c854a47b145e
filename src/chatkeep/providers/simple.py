"""Take a class that only has `generate_chat_response(messages, temperature)` for a provider."""

import inspect
from collections.abc import AsyncGenerator, Callable
from typing import Any, TypedDict

from chatkeep.chat.events import Delta, Finish, ProviderEvent
from chatkeep.chat.model import text_of
from chatkeep.chat.ports import ProviderRequest
from chatkeep.errors import ModelNotFound
from chatkeep.providers.failures import RequestRefused
from chatkeep.providers.text_only import check_text_only
from chatkeep.providers.threads import Threads

METHOD = "generate_chat_response"
DEFAULT_TEMPERATURE = 0.7  # such a class wants one, whether or not the request says
DEFAULT_MODEL = "default"
_EXTRAS = ("model", "max_tokens")  # what the method is told besides, when it has a parameter of that name


class PlainMessage(TypedDict):
    """A message as such a class gets it."""

    role: str
    content: str


class SimpleProvider:
    """Makes a provider of `chat`; its reply comes as one delta. What it raises passes: foreign.py takes care of that.

    `chat.generate_chat_response(messages, temperature)` gives the reply as text, async or not. Optional are
    `chat.models`, a list of names, and `chat.context_tokens`, the window of each.
    """

    def __init__(self, name: str, chat: object, threads: Threads) -> None:
        """Raises: ValueError when `models` or `context_tokens` is something else."""
        self._name = name
        self._threads = threads
        self._answer: Callable[..., Any] = getattr(chat, METHOD)
        self._extras = [extra for extra in _EXTRAS if extra in _parameters(self._answer)]
        self._models = _models(getattr(chat, "models", None))
        self._context_tokens = _window(getattr(chat, "context_tokens", None))

    @property
    def name(self) -> str:
        """As given."""
        return self._name

    async def models(self) -> list[str]:
        """Those it names, else the one name that it is given."""
        return self._models

    async def check(self) -> None:
        """Return at once: such a class cannot be asked without a call."""

    def context_tokens(self, model: str) -> int | None:  # noqa: ARG002 - the port's; here they are all alike
        """As it says."""
        return self._context_tokens

    def can_prefill(self, model: str) -> bool:  # noqa: ARG002 - the port's; here they are all alike
        """Never: such a class answers."""
        return False

    def can_see(self, model: str) -> bool | None:  # noqa: ARG002 - the port's; here they are all alike
        """Never: such a class gets text."""
        return False

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        """Yield the whole reply, then `Finish`. Closing the iterator cancels the call, if it is async.

        Raises: what it raises; ModelNotFound; RequestRefused for what such a class would not see; TypeError.
        """
        self._check(request)
        messages = [PlainMessage(role=message.role, content=text_of(message.content)) for message in request.messages]
        temperature = DEFAULT_TEMPERATURE if request.temperature is None else request.temperature
        extras = {name: getattr(request, name) for name in self._extras}
        text = await self._threads.call(self._answer, messages, temperature, **extras)
        if not isinstance(text, str):
            raise TypeError(f"the reply is not text but {type(text).__name__}")
        if text:
            yield Delta(text)
        yield Finish("stop")

    def _check(self, request: ProviderRequest) -> None:
        if request.model not in self._models:
            raise ModelNotFound(f"{self._name} has no model {request.model}; it has {', '.join(self._models)}.")
        check_text_only(self._name, request)
        if request.max_tokens is not None and "max_tokens" not in self._extras:
            raise RequestRefused(f"{self._name} cannot bound its replies: leave max_tokens out.")


def _parameters(function: Callable[..., Any]) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # not all that is written in C tells
        return []


def _models(given: object) -> list[str]:
    if given is None:
        return [DEFAULT_MODEL]
    if not (isinstance(given, list | tuple) and given and all(isinstance(name, str) and name for name in given)):
        raise ValueError("`models` must be a list of names")
    return list(given)


def _window(given: object) -> int | None:
    if given is None or (isinstance(given, int) and not isinstance(given, bool) and given > 0):
        return given
    raise ValueError("`context_tokens` must be a number above 0")
