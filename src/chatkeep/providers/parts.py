"""What is in a message, for wire formats that have a form of their own for it: texts, images, arguments of tools.

Pure. Content comes in OpenAI's form (API reference, "Chat", content parts). Text and images are understood, and
all else is refused: what a service never got, nobody would miss in its reply.
"""

import re

import msgspec

from chatkeep.chat.model import ToolCall
from chatkeep.chat.ports import ChatMessage
from chatkeep.providers.failures import NO_JSON, RequestRefused

_DATA_URL = re.compile(r"data:(image/[a-z0-9.+-]+)(?:;[^,;]*)*;base64,", re.IGNORECASE)  # RFC 2397, section 3
_WEB_URL = re.compile(r"https?://", re.IGNORECASE)


class Text(msgspec.Struct, frozen=True):
    """Text that is not blank."""

    text: str


class Image(msgspec.Struct, frozen=True):
    """An image that came with the message, `data` in base64."""

    media_type: str
    data: str


class ImageLink(msgspec.Struct, frozen=True):
    """An image somewhere else, by its http or https address. We never fetch it: it is the user's word."""

    url: str


Part = Text | Image | ImageLink


class _ImageUrl(msgspec.Struct, frozen=True):
    url: str = ""


class _Given(msgspec.Struct, frozen=True):
    type: str = "text"
    text: str | None = None
    image_url: _ImageUrl | None = None


def parts_of(message: ChatMessage) -> list[Part]:
    """Its texts and images in order. Blank text is left out: it says nothing, and Anthropic refuses it.

    Raises: RequestRefused for a part that is anything else.
    """
    if isinstance(message.content, str):
        return [Text(message.content)] if message.content.strip() else []
    return [part for given in message.content if (part := _part(given)) is not None]


def texts_of(message: ChatMessage) -> list[str]:
    """The texts of a message that can hold nothing else. Raises: RequestRefused."""
    parts = parts_of(message)
    if not all(isinstance(part, Text) for part in parts):
        raise RequestRefused(f"This provider takes no image in a message of the role {message.role!r}.")
    return [part.text for part in parts if isinstance(part, Text)]


def arguments_of(call: ToolCall) -> msgspec.Raw:
    """The arguments as they go into JSON, none as `{}`. Raises: RequestRefused when they are no object."""
    arguments = call.arguments.strip() or "{}"
    if not is_object(arguments):
        raise RequestRefused(f"The earlier call of the tool {call.name!r} has arguments that are no JSON object.")
    return msgspec.Raw(arguments.encode())


def is_object(text: str) -> bool:
    """Whether `text` is a JSON object."""
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except NO_JSON:
        return False
    return True


def _part(raw: msgspec.Raw) -> Part | None:
    try:
        given = msgspec.json.decode(raw, type=_Given)
    except NO_JSON as exc:
        raise RequestRefused("A message has a part that is not in OpenAI's form.") from exc
    match given:
        case _Given(type="text", text=text):
            return Text(text) if text and text.strip() else None
        case _Given(type="image_url", image_url=_ImageUrl(url=url)):
            return _image(url)
        case _:
            raise RequestRefused(f"A message has a part of the type {given.type!r}, which this provider does not take.")


def _image(url: str) -> Image | ImageLink:
    if found := _DATA_URL.match(url):
        return Image(found[1].lower(), url[found.end() :])
    if _WEB_URL.match(url):
        return ImageLink(url)
    raise RequestRefused("An image must be a data: URL in base64, or an https: address.")
