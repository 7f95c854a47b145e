"""The WebSocket with live news. What there is to say: status_feed.py."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Any

from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketDisconnect
from litestar.types import WebSocketReceiveEvent

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs, subject_of
from chatkeep.api.open_connections import OpenConnections
from chatkeep.api.status_feed import TOO_SLOW, Outbox, StatusFeed

_SEND_S = 5.0  # a message that takes longer closes its socket
_MOST_HEARD = 100  # messages of a client; some send one now and then to keep the connection open
_CLOSE_S = 1.0  # how long the last frame may take to leave

# RFC 6455, section 7.4.1.
_UNSUPPORTED = 1003
_POLICY = 1008
_LEFT = 1000

_LEFT_ALREADY = (WebSocketDisconnect, OSError)  # Litestar's, and what a server raises: ASGI, Send event

AnySocket = WebSocket[Any, Any, Any]


class StatusSockets:
    """Serves sockets: each gets what its outbox has, until it leaves, is too slow, or its key is no longer valid.

    That no page of another site opens one is the admission's care.
    """

    def __init__(
        self,
        feed: StatusFeed,
        connections: OpenConnections,
        *,
        send_s: float = _SEND_S,
    ) -> None:
        self._feed = feed
        self._connections = connections
        self._send_s = send_s

    async def serve(self, socket: AnySocket) -> None:
        """Serve `socket` until it is closed by either side. Raises: RateLimited before it is accepted."""
        subject = subject_of(socket)
        with self._feed.outbox(subject.owner) as outbox:
            close = partial(outbox.end, _POLICY, "The key is no longer valid.")
            with self._connections.registered("socket", subject, close):
                await socket.accept()
                await self._serve(socket, outbox)
        with suppress(TimeoutError, *_LEFT_ALREADY):  # it does not read, or is gone
            async with asyncio.timeout(_CLOSE_S):
                code, reason = outbox.ending or (_LEFT, "")
                await socket.send({"type": "websocket.close", "code": code, "reason": reason})

    async def _serve(self, socket: AnySocket, outbox: Outbox) -> None:
        hearing = asyncio.create_task(_hear(socket, outbox), name="hearing")
        try:
            await self._send(socket, outbox)
        finally:
            hearing.cancel()
            await asyncio.wait([hearing])

    async def _send(self, socket: AnySocket, outbox: Outbox) -> None:
        """Send what the outbox has until it ends, the client left, or a message takes too long."""
        try:
            while messages := await outbox.take():
                for message in messages:
                    async with asyncio.timeout(self._send_s):
                        await socket.send({"type": "websocket.send", "text": message.decode(), "bytes": None})
        except TimeoutError:
            outbox.end(TOO_SLOW, "Read faster.")
        except _LEFT_ALREADY:
            outbox.end(_LEFT, "")


@websocket("/api/llm/ws/status", opt=needs(Action.READ))
async def status(socket: AnySocket, sockets: StatusSockets) -> None:
    """Tell how the providers are and how the caller's runs go. Text that the client sends is ignored."""
    await sockets.serve(socket)


HANDLERS = [status]


async def _hear(socket: AnySocket, outbox: Outbox) -> None:
    """Read on, so that a close is noticed. Nothing that a client may say here means anything."""
    for _ in range(_MOST_HEARD):
        message: WebSocketReceiveEvent | Any = await socket.receive()
        if message["type"] == "websocket.disconnect":
            outbox.end(_LEFT, "")
            return
        if message.get("bytes") is not None:
            outbox.end(_UNSUPPORTED, "Send text, or nothing.")
            return
    outbox.end(_POLICY, "Nothing that is sent here means anything.")
