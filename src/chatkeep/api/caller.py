"""Who calls, and the door that is open to them."""

import msgspec

from chatkeep.chat.interface import ChatInterface


class Caller(msgspec.Struct, frozen=True):
    """Given to every view. `owner` is whose chats and runs the request is about."""

    chat: ChatInterface
    owner: str
