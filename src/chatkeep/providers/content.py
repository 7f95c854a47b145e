"""Read what a message says, for services that take plain text only."""

import msgspec

from chatkeep.chat.ports import ChatMessage


class _TextPart(msgspec.Struct):
    text: str = ""


def text_of(message: ChatMessage) -> str:
    """The text of a message; of a list of parts, the text parts joined by newlines."""
    if isinstance(message.content, str):
        return message.content
    parts = [msgspec.json.decode(part, type=_TextPart) for part in message.content]
    return "\n".join(part.text for part in parts if part.text)
