"""Who calls, and the door that is open to them."""

import msgspec

from chatkeep.access.subject import Subject
from chatkeep.chat.interface import ChatInterface


class Caller(msgspec.Struct, frozen=True):
    """Given to every view. `subject` has been allowed what the route does."""

    chat: ChatInterface
    subject: Subject

    @property
    def owner(self) -> str:
        """Whose chats and runs the request is about."""
        return self.subject.owner
