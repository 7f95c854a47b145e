"""Reading one chat's file, wherever it stands: in its owner's folder, in the trash, or among the generations."""

from pathlib import Path

import msgspec

from chatkeep.chat.model import Chat
from chatkeep.errors import ChatNotFound, ChatUnreadable
from chatkeep.storage.atomic import Identity, modified_at, read_regular
from chatkeep.storage.codec import NotAChat, decode_chat, encode_message


class StoredChat(msgspec.Struct, frozen=True):
    """A decoded chat, its messages as they stand in the file, and the state of the file they are of."""

    chat: Chat
    lines: list[bytes]
    identity: Identity


def read_chat(path: Path, chat_id: str) -> StoredChat:
    """The chat in the file at `path`, whatever that is called. Raises: ChatNotFound, ChatUnreadable."""
    try:
        data, identity = read_regular(path)
    except FileNotFoundError:
        raise ChatNotFound(f"There is no chat {chat_id}.") from None
    except OSError as exc:
        raise ChatUnreadable(f"The file of chat {chat_id} cannot be read: {exc.strerror}.") from exc
    try:
        chat = decode_chat(data, chat_id, modified_at(identity))
    except NotAChat as exc:
        raise ChatUnreadable(f"The file of chat {chat_id} is not a chat: {exc}. It is left as it is.") from exc
    return StoredChat(chat, [encode_message(message) for message in chat.messages], identity)
