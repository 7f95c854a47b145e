import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from chatkeep.providers.http import Body

pytestmark = pytest.mark.anyio


class SlowToClose(httpx.AsyncByteStream):
    """A stream whose chunks' end takes for ever."""

    def __init__(self) -> None:
        self.is_ending = asyncio.Event()
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            yield b"a"
        finally:
            self.is_ending.set()
            await asyncio.Event().wait()

    async def aclose(self) -> None:
        self.is_closed = True


async def test_a_body_whose_closing_is_cancelled_still_lets_go_of_the_connection() -> None:
    stream = SlowToClose()
    body = Body("x", httpx.Response(200, stream=stream))
    assert await body.read() == b"a"
    closing = asyncio.create_task(body.aclose())
    await stream.is_ending.wait()
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert stream.is_closed
