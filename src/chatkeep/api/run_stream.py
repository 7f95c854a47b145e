"""A response that follows a run."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress

from litestar import Response
from litestar.types import HTTPResponseBodyEvent, Receive, Scope, Send

from chatkeep.api.caller import Caller
from chatkeep.chat.run import Run

_HEADERS = [(b"cache-control", b"no-cache, no-transform"), (b"x-accel-buffering", b"no")]
_LAST: HTTPResponseBodyEvent = {"type": "http.response.body", "body": b"", "more_body": False}
_END_S = 1.0  # how long the end of a stream that is cut short may take to leave


class StreamCut(Exception):
    """The stream ends here without its proper end, so that the client can tell that something is missing."""


class RunStream(Response[bytes]):
    """Sends `pieces`, which follow `run`. One piece is one write; it is never compressed.

    A client that left is noticed at once; the run does not care. Pieces that raise StreamCut close the connection
    without the last chunk (RFC 9112, section 8): clients see an incomplete answer.
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
        names = ((b"content-type", str(self.media_type).encode()), *names_of(self._run))
        await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *names]})
        leaving = asyncio.create_task(_wait_for_leaving(receive), name="leaving")
        try:
            if await self._is_ended_early(send, leaving) and not leaving.done():
                async with asyncio.timeout(_END_S):
                    await send(_LAST)
        except (StreamCut, TimeoutError):
            return
        finally:
            leaving.cancel()

    async def _is_ended_early(self, send: Send, leaving: asyncio.Task[None]) -> bool:
        """Send all; whether the client left, or its credential died, before that was done. Raises: StreamCut."""
        # Why a deadline that is none: it can be moved to now, from outside, and ends this and nothing else.
        reading = asyncio.timeout(None)

        def end(_: object = None) -> None:
            with suppress(RuntimeError):  # it has ended by itself
                reading.reschedule(0)

        leaving.add_done_callback(end)
        try:
            async with reading, aclosing(self._pieces) as pieces:
                with self._caller.connections.registered("stream", self._caller.subject, end):
                    async for piece in pieces:
                        await send({"type": "http.response.body", "body": piece, "more_body": True})
                    await send(_LAST)
        except TimeoutError:
            return True
        return False


def names_of(run: Run) -> list[tuple[bytes, bytes]]:
    """The headers that say which run and which chat an answer is of."""
    named = (b"x-run-id", run.run_id), (b"x-chat-id", run.record.chat_id)
    return [(name, value.encode()) for name, value in named if value]


async def _wait_for_leaving(receive: Receive) -> None:
    message: Mapping[str, object] = {}
    while message.get("type") != "http.disconnect":
        message = await receive()
