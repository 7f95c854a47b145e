"""A run's events as a server-sent event stream."""

import asyncio
from collections.abc import Mapping
from contextlib import aclosing

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import Receive, Scope, Send

from chatkeep.chat.follow import follow
from chatkeep.chat.run import Run

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache, no-transform"),
    (b"x-accel-buffering", b"no"),
]


STREAMED = ResponseSpec(str, description="The run's events.", media_type="text/event-stream", generate_examples=False)
"""Describes an answer that is an event stream."""


class EventStream(Response[bytes]):
    """Sends `run`'s events above `after` until its last one. One piece is one write; it is never compressed.

    A client that left is noticed at the next event or ping; the run does not care.
    """

    def __init__(self, run: Run, after: int = -1) -> None:
        super().__init__(b"", media_type="text/event-stream")
        self._run = run
        self._after = after

    def to_asgi_response(self, *_arguments: object, **_options: object) -> "EventStream":  # type: ignore[override]
        """This object is the ASGI application that answers."""
        return self

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        run_id = self._run.run_id.encode()
        headers = [*_HEADERS, (b"x-run-id", run_id)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        leaving = asyncio.create_task(_wait_for_leaving(receive), name="leaving")
        try:
            async with aclosing(follow(self._run, self._after)) as pieces:
                async for piece in pieces:
                    if leaving.done():
                        return
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            leaving.cancel()


async def _wait_for_leaving(receive: Receive) -> None:
    message: Mapping[str, object] = {}
    while message.get("type") != "http.disconnect":
        message = await receive()
