"""A response that follows a run."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress

from litestar import Response
from litestar.types import HTTPResponseBodyEvent, Receive, Scope, Send

from chatkeep.api.caller import Caller, client_left
from chatkeep.chat.run import Run

_HEADERS = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]
_LAST: HTTPResponseBodyEvent = {"type": "http.response.body", "body": b"", "more_body": False}


class StreamCut(Exception):
    """The stream ends here without its proper end, so that the client can tell that something is missing."""


class RunStream(Response[bytes]):
    """Sends `pieces`, which follow `run`. One piece is one write; it is never compressed.

    A client that left is noticed at once; the run minds only if it was told to (followers.py). Pieces that raise
    StreamCut, and a credential that dies, close the connection without the last chunk (RFC 9112, section 8): clients
    see an incomplete answer. An owner who has too many streams open gets RateLimited before the response begins.
    """

    def __init__(self, caller: Caller, run: Run, media_type: str, pieces: AsyncGenerator[bytes, None]) -> None:
        super().__init__(b"", media_type=media_type)
        self._caller = caller
        self._run = run
        self._pieces = pieces

    def to_asgi_response(self, *_arguments: object, **_options: object) -> "RunStream":  # type: ignore[override]
        """This object is the ASGI application that answers."""
        return self

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        # Why a deadline that is none: it can be moved to now, from outside, and ends this and nothing else.
        reading = asyncio.timeout(None)

        def end(_: object = None) -> None:
            with suppress(RuntimeError):  # it has not begun, or has ended by itself
                reading.reschedule(0)

        caller = self._caller
        with caller.chat.followers.following(self._run), caller.connections.registered("stream", caller.subject, end):
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
        names = ((b"content-type", str(self.media_type).encode()), *names_of(self._run))
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *names]})
        async with aclosing(self._pieces) as pieces:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send(_LAST)


def names_of(run: Run) -> list[tuple[bytes, bytes]]:
    """The headers that say which run and which chat an answer is of."""
    named = (b"x-run-id", run.run_id), (b"x-chat-id", run.record.chat_id)
    return [(name, value.encode()) for name, value in named if value]
