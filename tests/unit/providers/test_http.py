import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from chatkeep.chat.events import Delta, Finish
from chatkeep.chat.ports import ChatMessage, ProviderRequest, ProviderState
from chatkeep.errors import ProviderFailed
from chatkeep.providers.http import Body, HttpClient, Service
from chatkeep.providers.openai import OpenAIProvider
from chatkeep.providers.watched import Watched
from tests.upstream import Act, answer, said, streamed, upstream

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


async def test_addresses_that_hold_a_users_word_are_not_kept_for_ever() -> None:
    http = HttpClient()
    async with upstream(answer(404, b"{}")) as server:
        service = Service(http, "x", server.url)
        for number in range(70):
            with pytest.raises(ProviderFailed):
                await service.fetch(f"/models/{number}", bytes)
        assert service._url.cache_info().currsize == 64
    await http.aclose()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with aclosing(HttpClient()) as http, upstream(answer(200, b'{"data":[]}')) as other:
        async with upstream(answer(status, b"", "text/plain", f"Location: {other.url}/models")) as service:
            provider = OpenAIProvider(Service(http, "x", service.url, "sk-secret"))
            with pytest.raises(ProviderFailed, match=f"status {status}"):
                await provider.models()
            with pytest.raises(ProviderFailed, match=f"status {status}"):
                await anext(provider.stream(ProviderRequest("m", [ChatMessage("user", "hello")])))
            assert len(service.requests) == 2
        assert other.requests == []


async def test_what_others_do_never_closes_the_connection_of_a_stream_that_goes_on() -> None:
    first, *rest = said("one ", "two ", "three")
    talks = streamed(first, Act.WAIT_FOR_GO, *rest)
    async with (
        aclosing(HttpClient()) as http,
        upstream(talks, answer(500, b"no")) as service,
        upstream([Act.RESET]) as resets,
        upstream([Act.WAIT_FOR_CLOSE]) as hangs,
    ):
        talking = OpenAIProvider(Service(http, "talking", service.url))
        async with aclosing(talking.stream(ProviderRequest("m", [ChatMessage("user", "hello")]))) as events:
            heard = [await anext(events)]
            for neighbour in (service, resets):
                entry = Watched(OpenAIProvider(Service(http, "neighbour", neighbour.url)))
                await entry.check()
                assert entry.state is ProviderState.UNHEALTHY
            leaving = Watched(OpenAIProvider(Service(http, "leaving", hangs.url)))
            check = asyncio.create_task(leaving.check())
            await hangs.waits_for_close.wait()
            await leaving.aclose()
            await asyncio.wait([check])
            await hangs.client_closed.wait()
            service.go.set()
            heard += [event async for event in events]
    assert "".join(event.text for event in heard if isinstance(event, Delta)) == "one two three"
    assert heard[-1] == Finish("stop")
