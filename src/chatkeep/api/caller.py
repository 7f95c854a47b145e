"""Who calls, and the door that is open to them."""

import msgspec

from chatkeep.access.subject import Subject
from chatkeep.api.open_connections import OpenConnections
from chatkeep.chat.interface import ChatInterface
from chatkeep.chat.run import Run


class Caller(msgspec.Struct, frozen=True):
    """Given to every view. `subject` has been allowed what the route does; what stays open for it is registered."""

    chat: ChatInterface
    subject: Subject
    connections: OpenConnections

    @property
    def owner(self) -> str:
        """Whose chats and runs the request is about."""
        return self.subject.owner

    def check_stream(self) -> None:
        """Return when the caller may have one more stream: before a run is begun for it. Raises: RateLimited."""
        self.connections.check("stream", self.subject)

    async def ended(self, run: Run) -> None:
        """Return when `run` has ended. Raises: Unauthorized when the credential is no longer valid, RateLimited."""
        if not run.ended:
            async with self.connections.waiting(self.subject):
                await run.wait_ended()
