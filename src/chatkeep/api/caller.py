"""Who calls, and the door that is open to them."""

import msgspec

from chatkeep.access.subject import Subject
from chatkeep.api.open_connections import OpenConnections
from chatkeep.chat.interface import ChatInterface


class Caller(msgspec.Struct, frozen=True):
    """Given to every view. `subject` has been allowed what the route does; what stays open for it is registered."""

    chat: ChatInterface
    subject: Subject
    connections: OpenConnections

    @property
    def owner(self) -> str:
        """Whose chats and runs the request is about."""
        return self.subject.owner
