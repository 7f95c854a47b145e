import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing

import httpx
import pytest

from chatkeep.chat.events import Delta, Finish, ProviderEvent
from chatkeep.chat.ports import ChatMessage, ProviderRequest, ProviderState
from chatkeep.errors import ProviderFailed
from chatkeep.providers.http import Body, Service
from chatkeep.providers.openai import OpenAIProvider
from chatkeep.providers.watched import Watched
from tests.upstream import Act, answer, said, streamed, upstream

pytestmark = pytest.mark.anyio

HELLO = ProviderRequest("m", [ChatMessage("user", "hello")])
FIRST, *REST = said("one ", "two ", "three")


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
    async with upstream(answer(404, b"{}")) as server, aclosing(Service("x", server.url)) as service:
        for number in range(70):
            with pytest.raises(ProviderFailed):
                await service.fetch(f"/models/{number}", bytes)
        assert service._url.cache_info().currsize == 64


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(status: int) -> None:
    async with upstream(answer(200, b'{"data":[]}')) as other:
        redirects = answer(status, b"", "text/plain", f"Location: {other.url}/models")
        async with upstream(redirects) as server, aclosing(Service("x", server.url, "sk-secret")) as service:
            provider = OpenAIProvider(service)
            with pytest.raises(ProviderFailed, match=f"status {status}"):
                await provider.models()
            with pytest.raises(ProviderFailed, match=f"status {status}"):
                await anext(provider.stream(HELLO))
            assert len(server.requests) == 2
        assert other.requests == []


def assert_whole(heard: list[ProviderEvent]) -> None:
    assert "".join(event.text for event in heard if isinstance(event, Delta)) == "one two three"
    assert heard[-1] == Finish("stop")


async def within(wait: Awaitable[object]) -> None:
    """Await it, or fail."""
    async with asyncio.timeout(10):
        await wait


async def test_what_others_do_never_closes_the_connection_of_a_stream_that_goes_on() -> None:
    async with (
        upstream(streamed(FIRST, Act.WAIT_FOR_GO, *REST), answer(500, b"no")) as server,
        upstream([Act.RESET]) as resets,
        upstream([Act.WAIT_FOR_CLOSE]) as hangs,
        aclosing(Service("talking", server.url)) as talking,
        aclosing(OpenAIProvider(talking).stream(HELLO)) as events,
    ):
        heard = [await anext(events)]
        for neighbour in (server, resets):
            async with aclosing(Service("neighbour", neighbour.url)) as service:
                entry = Watched(OpenAIProvider(service))
                await entry.check()
                assert entry.state is ProviderState.UNHEALTHY
        async with aclosing(Service("leaving", hangs.url)) as service:
            leaving = Watched(OpenAIProvider(service))
            check = asyncio.create_task(leaving.check())
            await within(hangs.waits_for_close.wait())
            await leaving.aclose()
            await asyncio.wait([check])
            await within(hangs.client_closed.wait())
        server.go.set()
        heard += [event async for event in events]
    assert_whole(heard)


async def test_services_at_one_address_share_no_connection_and_close_their_own_alone() -> None:
    async with upstream(answer(200, b"{}")) as server, aclosing(Service("one", server.url)) as one:
        await one.fetch("/", bytes)
        async with aclosing(Service("other", server.url)) as other:
            await other.fetch("/", bytes)
        await one.fetch("/", bytes)
        assert server.connections == 2


async def test_a_service_that_is_closed_lets_its_streams_end_and_then_leaves_no_connection() -> None:
    async with upstream(streamed(FIRST, Act.WAIT_FOR_GO, *REST), answer(200, b"{}")) as server:
        service = Service("x", server.url)
        events = OpenAIProvider(service).stream(HELLO)
        heard = [await anext(events)]
        await service.fetch("/", bytes)  # leaves a connection at rest
        await service.aclose()
        server.go.set()
        heard += [event async for event in events]
        assert_whole(heard)
        await within(server.all_left.wait())
        assert server.connections == 2


async def test_a_service_at_rest_leaves_when_it_is_closed_and_after_every_call_that_comes_later() -> None:
    async with upstream(answer(200, b"{}")) as server:
        service = Service("x", server.url)
        await service.fetch("/", bytes)
        assert not server.all_left.is_set()
        await service.aclose()
        await within(server.all_left.wait())
        assert await service.fetch("/", bytes) == b"{}"
        await within(server.all_left.wait())
        assert server.connections == 2
