"""The contract of `Provider`, over every implementation that talks to a service, on real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

import pytest

from chatkeep.chat.events import Delta, Finish, ProviderEvent
from chatkeep.chat.ports import ChatMessage, Provider, ProviderRequest
from chatkeep.errors import (
    ChatkeepError,
    ContextTooLong,
    ModelNotFound,
    ProviderFailed,
    ProviderRateLimited,
    ProviderTimedOut,
    ProviderUnavailable,
)
from chatkeep.providers.failures import RequestRefused
from chatkeep.providers.http import HttpClient, Service
from chatkeep.providers.ollama import OllamaProvider
from chatkeep.providers.openai import OpenAIProvider
from tests.upstream import Act, Step, Upstream, answer, streamed, upstream

pytestmark = pytest.mark.anyio

KEY = "sk-very-secret-0123456789"
REQUEST = ProviderRequest("m", [ChatMessage("user", "hello")])


@dataclass(frozen=True)
class Speech:
    """How one wire format says things."""

    name: str
    make: Callable[[Service], Provider]
    media_type: str
    word: Callable[[str], bytes]
    end: bytes
    setup: tuple[list[Step], ...]  # answers to what it asks before the call

    def says(self, *words: str) -> list[bytes]:
        return [self.word(word) for word in words]

    def stream(self, *steps: bytes | Act, whole: bool = True) -> list[Step]:
        return streamed(*steps, media_type=self.media_type, whole=whole)


SPEECHES = (
    Speech(
        name="openai",
        make=OpenAIProvider,
        media_type="text/event-stream",
        word=lambda text: b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n",
        end=b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
        setup=(),
    ),
    Speech(
        name="ollama",
        make=OllamaProvider,
        media_type="application/x-ndjson",
        word=lambda text: json.dumps({"message": {"content": text}, "done": False}).encode() + b"\n",
        end=b'{"message":{"content":""},"done":true,"done_reason":"stop"}\n',
        setup=(answer(200, b'{"model_info":{"llama.context_length":2048}}'),),
    ),
)


@pytest.fixture(params=SPEECHES, ids=lambda speech: speech.name)
def speech(request: pytest.FixtureRequest) -> Speech:
    chosen: Speech = request.param
    return chosen


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


def provider_at(url: str, speech: Speech, http: HttpClient) -> Provider:
    return speech.make(Service(http, speech.name, url, KEY))


async def collected(provider: Provider) -> list[ProviderEvent]:
    return [event async for event in provider.stream(REQUEST)]


async def failure(speech: Speech, http: HttpClient, *script: Step) -> ChatkeepError:
    """What a call raises when the service answers so."""
    async with upstream(*speech.setup, script) as server:
        with pytest.raises(ChatkeepError) as caught:
            await collected(provider_at(server.url, speech, http))
    assert KEY not in caught.value.detail
    return caught.value


async def within(wait: Awaitable[object]) -> None:
    """Await it, or fail."""
    async with asyncio.timeout(10):
        await wait


async def closed(server: Upstream) -> None:
    await within(server.client_closed.wait())


async def cancelled(task: asyncio.Task[None] | asyncio.Task[list[ProviderEvent]]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_reply_comes_as_it_is_sent_and_finish_is_last(speech: Speech, http: HttpClient) -> None:
    script = speech.stream(*speech.says("The"), Act.WAIT_FOR_GO, *speech.says(" sun"), speech.end)
    async with upstream(*speech.setup, script) as server:
        events = aiter(provider_at(server.url, speech, http).stream(REQUEST))
        assert await anext(events) == Delta("The")
        server.go.set()
        assert [event async for event in events] == [Delta(" sun"), Finish("stop")]


async def test_the_key_goes_in_the_header_and_the_request_as_json(speech: Speech, http: HttpClient) -> None:
    async with upstream(*speech.setup, speech.stream(speech.end)) as server:
        await collected(provider_at(server.url, speech, http))
    head, _, body = server.requests[-1].partition(b"\r\n\r\n")
    assert f"Authorization: Bearer {KEY}".lower().encode() in head.lower()
    assert b"accept-encoding: identity" in head.lower()
    sent = json.loads(body)
    assert (sent["model"], sent["stream"], sent["messages"]) == ("m", True, [{"role": "user", "content": "hello"}])


async def test_two_calls_one_after_the_other_share_a_connection(speech: Speech, http: HttpClient) -> None:
    async with upstream(*speech.setup, speech.stream(*speech.says("a"), speech.end)) as server:
        provider = provider_at(server.url, speech, http)
        await collected(provider)
        await collected(provider)
        assert server.connections == 1


@pytest.mark.parametrize("hang_up", [[], [Act.RESET]], ids=["closed", "reset"])
async def test_a_kept_connection_that_the_service_closed_is_replaced(
    hang_up: list[Step], speech: Speech, http: HttpClient
) -> None:
    async with upstream(*speech.setup, hang_up, speech.stream(*speech.says("a"), speech.end)) as server:
        assert await collected(provider_at(server.url, speech, http)) == [Delta("a"), Finish("stop")]


async def test_closing_the_iterator_closes_the_upstream_connection(speech: Speech, http: HttpClient) -> None:
    async with upstream(*speech.setup, speech.stream(*speech.says("The"), Act.WAIT_FOR_CLOSE)) as server:
        async with aclosing(provider_at(server.url, speech, http).stream(REQUEST)) as events:
            assert await anext(events) == Delta("The")
        await closed(server)


async def test_cancelling_between_tokens_closes_the_upstream_connection(speech: Speech, http: HttpClient) -> None:
    async with upstream(*speech.setup, speech.stream(*speech.says("The"), Act.WAIT_FOR_CLOSE)) as server:
        said = asyncio.Event()

        async def listen() -> None:
            async for _ in provider_at(server.url, speech, http).stream(REQUEST):
                said.set()

        task = asyncio.create_task(listen())
        await within(said.wait())
        await cancelled(task)
        await closed(server)


async def test_cancelling_before_the_headers_closes_the_upstream_connection(speech: Speech, http: HttpClient) -> None:
    async with upstream(*speech.setup, [Act.WAIT_FOR_CLOSE]) as server:
        task = asyncio.create_task(collected(provider_at(server.url, speech, http)))
        await within(server.waits_for_close.wait())
        await cancelled(task)
        await closed(server)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ProviderFailed),
        (400, RequestRefused),
        (401, ProviderFailed),
        (402, ProviderFailed),
        (403, ProviderFailed),
        (404, ModelNotFound),
        (408, ProviderTimedOut),
        (413, RequestRefused),
        (422, RequestRefused),
        (429, ProviderRateLimited),
        (500, ProviderFailed),
        (502, ProviderFailed),
        (503, ProviderUnavailable),
        (504, ProviderTimedOut),
        (529, ProviderUnavailable),
    ],
)
async def test_a_status_becomes_its_error_with_what_the_service_said(
    status: int, kind: type[ChatkeepError], speech: Speech, http: HttpClient
) -> None:
    body = json.dumps({"error": {"message": f"No,\nnot with {KEY}."}}).encode()
    error = await failure(speech, http, *answer(status, body, "application/json", "Location: http://127.0.0.1:1/"))
    assert type(error) is kind
    assert "No, not with [key]." in error.detail
    assert str(status) in error.detail


async def test_a_prompt_that_is_too_long_is_the_callers_to_mend(speech: Speech, http: HttpClient) -> None:
    body = b'{"error":{"message":"too many tokens","code":"context_length_exceeded"}}'
    assert type(await failure(speech, http, *answer(400, body))) is ContextTooLong


async def test_a_rate_limit_tells_how_long_to_wait(speech: Speech, http: HttpClient) -> None:
    error = await failure(speech, http, *answer(429, b"{}", "application/json", "Retry-After: 17"))
    assert error.retry_after_s == 17.0


@pytest.mark.parametrize("what", ["reset", "cut", "ended", "garbage"])
async def test_a_stream_that_breaks_gives_its_text_and_then_fails(what: str, speech: Speech, http: HttpClient) -> None:
    said = speech.says("The")
    scripts = {
        "reset": speech.stream(*said, Act.WAIT_FOR_GO, Act.RESET, whole=False),
        "cut": speech.stream(*said, whole=False),
        "ended": speech.stream(*said),
        "garbage": speech.stream(*said, b"data: \xff\xfe{\n\n"),
    }
    async with upstream(*speech.setup, scripts[what]) as server:
        events = aiter(provider_at(server.url, speech, http).stream(REQUEST))
        assert await anext(events) == Delta("The")
        server.go.set()
        with pytest.raises(ProviderFailed) as caught:
            await anext(events)
    assert type(caught.value) is ProviderFailed
    assert caught.value.__cause__ is not None


async def test_an_answer_that_is_not_http_fails(speech: Speech, http: HttpClient) -> None:
    assert isinstance(await failure(speech, http, b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), ProviderFailed)


async def test_a_web_page_in_place_of_a_stream_fails_and_says_so(speech: Speech, http: HttpClient) -> None:
    error = await failure(speech, http, *answer(200, b"<html>Welcome</html>", "text/html; charset=utf-8"))
    assert type(error) is ProviderFailed
    assert "text/html" in error.detail
    assert "Welcome" not in error.detail


async def test_an_error_object_with_status_200_fails_with_its_message(speech: Speech, http: HttpClient) -> None:
    error = await failure(speech, http, *answer(200, b'{"error":{"message":"no credit left"}}'))
    assert type(error) is ProviderFailed
    assert "no credit left" in error.detail


async def test_a_line_without_end_is_given_up_and_the_connection_closed(speech: Speech, http: HttpClient) -> None:
    lump = b"data: " + b"x" * 65_536
    async with upstream(*speech.setup, speech.stream(*[lump] * 17, Act.WAIT_FOR_CLOSE)) as server:
        with pytest.raises(ProviderFailed):
            await collected(provider_at(server.url, speech, http))
        await closed(server)


async def test_an_error_body_without_end_is_read_up_to_its_limit(speech: Speech, http: HttpClient) -> None:
    head = b"HTTP/1.1 500 X\r\nContent-Type: text/plain\r\n\r\n"
    async with upstream(*speech.setup, [head, b"x" * 70_000, Act.WAIT_FOR_CLOSE]) as server:
        with pytest.raises(ProviderFailed) as caught:
            await collected(provider_at(server.url, speech, http))
        await closed(server)
    assert len(caught.value.detail) < 400


async def test_a_service_that_hangs_up_before_it_answers_is_unavailable(speech: Speech, http: HttpClient) -> None:
    async with upstream(*speech.setup, []) as server:
        with pytest.raises(ProviderUnavailable):
            await collected(provider_at(server.url, speech, http))
        assert len(server.requests) == len(speech.setup) + 2


async def test_a_refused_connection_is_unavailable(speech: Speech, http: HttpClient) -> None:
    async with upstream([]) as server:
        url = server.url
    with pytest.raises(ProviderUnavailable):
        await collected(provider_at(url, speech, http))


async def test_a_failed_tls_handshake_is_unavailable(speech: Speech, http: HttpClient) -> None:
    async def speak_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 X\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak_plainly, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ProviderUnavailable):
            await collected(provider_at(url, speech, http))


async def test_openai_lists_its_models_with_the_default_first_and_learns_their_windows(http: HttpClient) -> None:
    listed = b'{"data":[{"id":"a"},{"id":"models/b","context_length":4096}]}'
    async with upstream(answer(200, listed)) as server:
        provider = OpenAIProvider(Service(http, "x", server.url), default_model="b", context_tokens=1000)
        assert await provider.models() == ["b", "a"]
        assert (provider.context_tokens("b"), provider.context_tokens("a")) == (4096, 1000)
        assert server.requests[0].startswith(b"GET /models ")


async def test_ollama_lists_its_models_and_learns_a_window_with_the_first_call(http: HttpClient) -> None:
    scripts = (
        answer(200, b'{"models":[{"name":"a:latest"},{"name":"b"}]}'),
        answer(200, b'{"model_info":{"general.parameter_count":1,"llama.context_length":2048}}'),
        streamed(b'{"message":{"content":""},"done":true}\n', media_type="application/x-ndjson"),
    )
    async with upstream(*scripts) as server:
        provider = OllamaProvider(Service(http, "ollama", server.url))
        assert await provider.models() == ["a:latest", "b"]
        assert provider.context_tokens("m") is None
        await collected(provider)
        assert provider.context_tokens("m") == 2048


async def test_ollama_is_asked_for_the_window_that_it_is_said_to_have(http: HttpClient) -> None:
    scripts = (
        answer(200, b'{"model_info":{"llama.context_length":131072}}'),
        streamed(b'{"message":{"content":""},"done":true}\n', media_type="application/x-ndjson"),
    )
    async with upstream(*scripts) as server:
        provider = OllamaProvider(Service(http, "ollama", server.url))
        await collected(provider)
        assert json.loads(server.requests[-1].partition(b"\r\n\r\n")[2])["options"] == {"num_ctx": 8192}
        assert provider.context_tokens("m") == 8192


async def test_ollama_is_asked_for_the_window_of_the_settings(http: HttpClient) -> None:
    async with upstream(streamed(b'{"done":true}\n', media_type="application/x-ndjson")) as server:
        provider = OllamaProvider(Service(http, "ollama", server.url), context_tokens=32768)
        assert provider.context_tokens("m") == 32768
        await collected(provider)
        assert json.loads(server.requests[0].partition(b"\r\n\r\n")[2])["options"] == {"num_ctx": 32768}


@pytest.mark.parametrize("body", [b"[]x", b"<html>", b"{}", b"\xff"])
async def test_a_list_of_models_that_is_none_fails(body: bytes, http: HttpClient) -> None:
    async with upstream(answer(200, body)) as server:
        with pytest.raises(ProviderFailed):
            await OpenAIProvider(Service(http, "x", server.url)).check()


async def test_a_missing_list_of_models_is_not_taken_for_a_missing_model(http: HttpClient) -> None:
    async with upstream(answer(404, b"{}")) as server:
        with pytest.raises(ProviderFailed):
            await OpenAIProvider(Service(http, "x", server.url)).check()
