"""Images in a message of the user's: which may come, how they stand in it, and what names it when it has no text.

With images the content is a list of parts in OpenAI's form (API reference, "Chat", content parts): the text, when there
is one, then each image as a data: URL. How a service gets them is providers/parts.py's.
"""

import binascii
from collections.abc import Iterable, Sequence

import msgspec

from chatkeep.chat.model import Message, text_of, title_of
from chatkeep.errors import InvalidRequest

MOST_IMAGES = 8  # of one message
TOKENS = 765  # OpenAI, "Images and vision": one of 1024 x 1024 in high detail; Anthropic's 1,400, Gemini's 258

_HEADS = tuple(f"data:image/{kind};base64," for kind in ("png", "jpeg", "webp", "gif"))  # what all services take

Content = str | list[msgspec.Raw]


class _ImageUrl(msgspec.Struct, frozen=True):
    url: str


class _Image(msgspec.Struct, frozen=True, tag="image_url", tag_field="type"):
    image_url: _ImageUrl


class _Text(msgspec.Struct, frozen=True, tag="text", tag_field="type"):
    text: str


def check_images(images: Iterable[str]) -> None:
    """Return when each is an image that comes with the message: a data: URL in base64. Raises: InvalidRequest."""
    for place, url in enumerate(images):
        head = next((head for head in _HEADS if url.startswith(head)), None)
        if head is None:
            raise _refused(place, "is no data: URL of a PNG, JPEG, WebP or GIF in base64")
        if not _is_base64(url.removeprefix(head)):
            raise _refused(place, "is not in base64, or empty")


def content_of(text: str, images: Sequence[msgspec.Raw]) -> Content:
    """What a message says that has this text and these parts. Raises: InvalidRequest when it has neither."""
    if not images:
        if not text:
            raise InvalidRequest(
                "A message without images needs text.", errors=(("$.message", "is empty, and there are no images"),)
            )
        return text
    said = [_raw(_Text(text))] if text else []
    return [*said, *images]


def parts_of_images(images: Iterable[str]) -> list[msgspec.Raw]:
    """Each image as a part of a message. Raises: InvalidRequest."""
    images = list(images)
    check_images(images)
    return [_raw(_Image(_ImageUrl(url))) for url in images]


def kept_parts(content: Content) -> list[msgspec.Raw]:
    """What there is in a message besides text."""
    return [] if isinstance(content, str) else [part for part in content if not text_of([part])]


def images_in(content: Content) -> list[str]:
    """The addresses of the images in a message."""
    if isinstance(content, str):
        return []
    return [url for part in content if (url := _address_of(part)) is not None]


def title_for(message: Message | None) -> str:
    """A title for the chat that begins with `message`: what it says, else that it is an image."""
    text = message.text if message is not None else ""
    return "Image" if message is not None and not text.strip() and images_in(message.content) else title_of(text)


def unseen(provider: str, model: str) -> InvalidRequest:
    """The refusal of images that came with a message to a model that takes none."""
    return InvalidRequest(
        f"{model} of {provider} takes text alone: ask another model, or without images.",
        errors=(("$.images", "are not taken by this model"),),
    )


def _address_of(part: msgspec.Raw) -> str | None:
    """None for whatever is no image: people and other programs write these files too."""
    try:
        return msgspec.json.decode(part, type=_Image).image_url.url
    except ValueError:  # of msgspec, and of bytes that are not UTF-8
        return None


def _raw(part: _Image | _Text) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(part))


def _is_base64(encoded: str) -> bool:
    try:
        return bool(binascii.a2b_base64(encoded, strict_mode=True))
    except ValueError:
        return False


def _refused(place: int, why: str) -> InvalidRequest:
    return InvalidRequest(f"The image at {place} {why}.", errors=((f"$.images[{place}]", why),))
