"""What models that take text alone do with the rest: refuse it, for nobody would notice that it was left out."""

from chatkeep.chat.ports import ProviderRequest
from chatkeep.providers.failures import RequestRefused
from chatkeep.providers.parts import Text, parts_of


def check_text_only(name: str, request: ProviderRequest) -> None:
    """Return when `request` has neither tools nor anything but text. Raises: RequestRefused."""
    if request.tools or any(message.tool_calls or message.role == "tool" for message in request.messages):
        raise RequestRefused(f"{name} calls no tools: ask another model, or without them.")
    check_no_images(name, request)


def check_no_images(name: str, request: ProviderRequest) -> None:
    """Return when `request` has nothing but text in its messages. Raises: RequestRefused."""
    for message in request.messages:
        if not isinstance(message.content, str) and not all(isinstance(part, Text) for part in parts_of(message)):
            raise RequestRefused(f"{name} takes text alone: ask another model, or without images.")
