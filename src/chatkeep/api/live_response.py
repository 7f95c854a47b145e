"""A response that is sent while it is made, and ends when its client leaves or its credential dies."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractContextManager, ExitStack, aclosing, suppress

from litestar import Response
from litestar.types import HTTPResponseBodyEvent, Receive, Scope, Send

from chatkeep.access.subject import Subject
from chatkeep.api.caller import client_left
from chatkeep.api.open_connections import Kind, OpenConnections

_HEADERS = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]
_LAST: HTTPResponseBodyEvent = {"type": "http.response.body", "body": b"", "more_body": False}


class StreamCut(Exception):
    """The stream ends here without its proper end, so that the client can tell that something is missing."""


class LiveResponse(Response[bytes]):
    """Sends `pieces`. One piece is one write; it is never compressed.

    A client that left is noticed at once. Pieces that raise StreamCut, and a credential that dies, close the connection
    without the last chunk (RFC 9112, section 8): clients see an incomplete answer. An owner who has too many of this
    kind open gets RateLimited before the response begins. All is sent inside `around`.
    """

    def __init__(
        self,
        pieces: AsyncGenerator[bytes, None],
        *,
        media_type: str,
        headers: Sequence[tuple[bytes, bytes]],
        connections: OpenConnections,
        kind: Kind,
        subject: Subject,
        around: AbstractContextManager[None] | None = None,
    ) -> None:
        super().__init__(b"", media_type=media_type)
        self._pieces = pieces
        self._named = headers
        self._connections = connections
        self._kind = kind
        self._subject = subject
        self._around = around

    def to_asgi_response(self, *_arguments: object, **_options: object) -> "LiveResponse":  # type: ignore[override]
        """This object is the ASGI application that answers."""
        return self

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        # Why a deadline that is none: it can be moved to now, from outside, and ends this and nothing else.
        reading = asyncio.timeout(None)

        def end(_: object = None) -> None:
            with suppress(RuntimeError):  # it has not begun, or has ended by itself
                reading.reschedule(0)

        with ExitStack() as stack:
            if self._around is not None:
                stack.enter_context(self._around)
            stack.enter_context(self._connections.registered(self._kind, self._subject, end))
            leaving = asyncio.create_task(client_left(receive), name="leaving")
            leaving.add_done_callback(end)
            try:
                async with reading:
                    await self._send(send)
            except (StreamCut, TimeoutError):
                return
            finally:
                leaving.cancel()
                await asyncio.wait([leaving])

    async def _send(self, send: Send) -> None:
        """Send all. Raises: StreamCut."""
        names = ((b"content-type", str(self.media_type).encode()), *self._named)
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *names]})
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send(_LAST)
