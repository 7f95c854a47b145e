"""Who calls, and the door that is open to them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager

import msgspec
from litestar.types import Receive

from chatkeep.access.subject import Subject
from chatkeep.api.open_connections import OpenConnections
from chatkeep.chat.interface import ChatInterface
from chatkeep.chat.run import Run


class Caller(msgspec.Struct, frozen=True):
    """Given to every view. `subject` has been allowed what the route does; what stays open for it is registered.

    `receive` is the request's: once the body was read, it tells when the client has left.
    """

    chat: ChatInterface
    subject: Subject
    connections: OpenConnections
    receive: Receive

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
            async with self.following(run):
                await run.wait_ended()

    @asynccontextmanager
    async def following(self, run: Run) -> AsyncIterator[None]:
        """What is awaited in here follows `run`, until the client has left; it is awaited all the same then.

        Raises: Unauthorized when the credential is no longer valid, RateLimited.
        """
        with ExitStack() as stack:
            stack.enter_context(self.chat.followers.following(run))
            async with self.connections.waiting(self.subject):
                if not run.record.cancel_on_leave:  # Why: nobody minds then, and every request would pay for a task
                    yield
                    return
                leaving = asyncio.create_task(client_left(self.receive), name="leaving")
                leaving.add_done_callback(lambda _: stack.close())
                try:
                    yield
                finally:
                    leaving.cancel()
                    await asyncio.wait([leaving])


async def client_left(receive: Receive) -> None:
    """Return when the client has closed its connection."""
    message: Mapping[str, object] = {}
    while message.get("type") != "http.disconnect":
        message = await receive()
