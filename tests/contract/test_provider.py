"""The contract of `Provider`, over every implementation that talks to a service, on real sockets."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
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
from chatkeep.providers import anthropic_wire, gemini_wire
from chatkeep.providers.anthropic import AnthropicProvider
from chatkeep.providers.catalog import Hints
from chatkeep.providers.failures import KeyRefused, RequestRefused
from chatkeep.providers.gemini import GeminiProvider
from chatkeep.providers.http import Headers, Service, bearer
from chatkeep.providers.ollama import OllamaProvider
from chatkeep.providers.openai import OpenAIProvider
from chatkeep.providers.openai_wire import Quirks
from tests.formats import BY_NAME, Format
from tests.upstream import Act, Step, Upstream, answer, said, streamed, upstream

pytestmark = pytest.mark.anyio

KEY = "sk-very-secret-0123456789"
REQUEST = ProviderRequest("m", [ChatMessage("user", "hello")])
HI = {"text": "hello"}
HELLO = [{"role": "user", "content": "hello"}]


Connect = Callable[..., Service]
"""Makes a service, by the arguments of `Service`, that is closed when the test has ended."""


@dataclass(frozen=True)
class Speech:
    """One wire format, and how a provider of it is made and asks."""

    spoken: Format
    make: Callable[[Service], Provider]
    asks: tuple[str, dict[str, object]]  # where, and what at least stands in the body
    key: str = f"authorization: bearer {KEY}"
    headers: Headers = bearer
    setup: tuple[list[Step], ...] = ()  # answers to what it asks before the call

    @property
    def name(self) -> str:
        return self.spoken.name

    @property
    def media_type(self) -> str:
        return self.spoken.media_type

    @property
    def end(self) -> bytes:
        return self.spoken.end

    def word(self, text: str) -> bytes:
        return self.spoken.word(text)

    def says(self, *words: str) -> list[bytes]:
        return [self.word(word) for word in words]

    def stream(self, *steps: bytes | Act, whole: bool = True) -> list[Step]:
        return self.spoken.stream(*steps, whole=whole)


SPEECHES = (
    Speech(
        BY_NAME["openai"],
        OpenAIProvider,
        asks=("/chat/completions", {"model": "m", "stream": True, "messages": HELLO}),
    ),
    Speech(
        BY_NAME["ollama"],
        OllamaProvider,
        asks=("/api/chat", {"model": "m", "stream": True, "messages": HELLO}),
        setup=(answer(200, b'{"model_info":{"llama.context_length":2048}}'),),
    ),
    Speech(
        BY_NAME["anthropic"],
        AnthropicProvider,
        asks=(
            "/v1/messages",
            {"model": "m", "stream": True, "messages": [{"role": "user", "content": [{"type": "text", **HI}]}]},
        ),
        key=f"anthropic-version: 2023-06-01\r\nx-api-key: {KEY}",
        headers=anthropic_wire.headers,
    ),
    Speech(
        BY_NAME["gemini"],
        GeminiProvider,
        asks=("/v1beta/models/m:streamGenerateContent?alt=sse", {"contents": [{"role": "user", "parts": [HI]}]}),
        key=f"x-goog-api-key: {KEY}",
        headers=gemini_wire.headers,
    ),
)


@pytest.fixture(params=SPEECHES, ids=lambda speech: speech.name)
def speech(request: pytest.FixtureRequest) -> Speech:
    chosen: Speech = request.param
    return chosen


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    async with AsyncExitStack() as closing:

        def connected(name: str, url: str, key: str | None = None, headers: Headers = bearer) -> Service:
            service = Service(name, url, key, headers)
            closing.push_async_callback(service.aclose)
            return service

        yield connected


def provider_at(url: str, speech: Speech, connect: Connect) -> Provider:
    return speech.make(connect(speech.name, url, KEY, speech.headers))


async def collected(provider: Provider) -> list[ProviderEvent]:
    return [event async for event in provider.stream(REQUEST)]


async def failure(speech: Speech, connect: Connect, *script: Step) -> ChatkeepError:
    """What a call raises when the service answers so."""
    async with upstream(*speech.setup, script) as server:
        with pytest.raises(ChatkeepError) as caught:
            await collected(provider_at(server.url, speech, connect))
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


async def test_a_reply_comes_as_it_is_sent_and_finish_is_last(speech: Speech, connect: Connect) -> None:
    script = speech.stream(*speech.says("The"), Act.WAIT_FOR_GO, *speech.says(" sun"), speech.end)
    async with upstream(*speech.setup, script) as server:
        events = aiter(provider_at(server.url, speech, connect).stream(REQUEST))
        assert await anext(events) == Delta("The")
        server.go.set()
        assert [event async for event in events] == [Delta(" sun"), Finish("stop")]


async def test_the_key_goes_in_the_header_and_the_request_as_json(speech: Speech, connect: Connect) -> None:
    async with upstream(*speech.setup, speech.stream(speech.end)) as server:
        await collected(provider_at(server.url, speech, connect))
    head, _, body = server.requests[-1].partition(b"\r\n\r\n")
    target, expected = speech.asks
    assert head.startswith(f"POST {target} HTTP/1.1\r\n".encode())  # the key is not in the address
    assert set(speech.key.split("\r\n")) < set(head.decode().lower().split("\r\n"))
    assert b"accept-encoding: identity" in head.lower()
    assert json.loads(body).items() >= expected.items()


async def test_two_calls_one_after_the_other_share_a_connection(speech: Speech, connect: Connect) -> None:
    async with upstream(*speech.setup, speech.stream(*speech.says("a"), speech.end)) as server:
        provider = provider_at(server.url, speech, connect)
        await collected(provider)
        await collected(provider)
        assert server.connections == 1


@pytest.mark.parametrize("hang_up", [[], [Act.RESET]], ids=["closed", "reset"])
async def test_a_kept_connection_that_the_service_closed_is_replaced(
    hang_up: list[Step], speech: Speech, connect: Connect
) -> None:
    async with upstream(*speech.setup, hang_up, speech.stream(*speech.says("a"), speech.end)) as server:
        assert await collected(provider_at(server.url, speech, connect)) == [Delta("a"), Finish("stop")]


async def test_closing_the_iterator_closes_the_upstream_connection(speech: Speech, connect: Connect) -> None:
    async with upstream(*speech.setup, speech.stream(*speech.says("The"), Act.WAIT_FOR_CLOSE)) as server:
        async with aclosing(provider_at(server.url, speech, connect).stream(REQUEST)) as events:
            assert await anext(events) == Delta("The")
        await closed(server)


async def test_cancelling_between_tokens_closes_the_upstream_connection(speech: Speech, connect: Connect) -> None:
    async with upstream(*speech.setup, speech.stream(*speech.says("The"), Act.WAIT_FOR_CLOSE)) as server:
        spoken = asyncio.Event()

        async def listen() -> None:
            async for _ in provider_at(server.url, speech, connect).stream(REQUEST):
                spoken.set()

        task = asyncio.create_task(listen())
        await within(spoken.wait())
        await cancelled(task)
        await closed(server)


async def test_cancelling_before_the_headers_closes_the_upstream_connection(speech: Speech, connect: Connect) -> None:
    async with upstream(*speech.setup, [Act.WAIT_FOR_CLOSE]) as server:
        task = asyncio.create_task(collected(provider_at(server.url, speech, connect)))
        await within(server.waits_for_close.wait())
        await cancelled(task)
        await closed(server)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, ProviderFailed),
        (400, RequestRefused),
        (401, KeyRefused),
        (402, KeyRefused),
        (403, KeyRefused),
        (404, ModelNotFound),
        (405, RequestRefused),
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
    status: int, kind: type[ChatkeepError], speech: Speech, connect: Connect
) -> None:
    body = json.dumps({"error": {"message": f"No,\nnot with {KEY}."}}).encode()
    error = await failure(speech, connect, *answer(status, body, "application/json", "Location: http://127.0.0.1:1/"))
    assert type(error) is kind
    assert "No, not with [key]." in error.detail
    assert str(status) in error.detail


async def test_a_prompt_that_is_too_long_is_the_callers_to_mend(speech: Speech, connect: Connect) -> None:
    body = b'{"error":{"message":"too many tokens","code":"context_length_exceeded"}}'
    assert type(await failure(speech, connect, *answer(400, body))) is ContextTooLong


async def test_a_rate_limit_tells_how_long_to_wait(speech: Speech, connect: Connect) -> None:
    error = await failure(speech, connect, *answer(429, b"{}", "application/json", "Retry-After: 17"))
    assert error.retry_after_s == 17.0


@pytest.mark.parametrize("what", ["reset", "cut", "ended", "garbage"])
async def test_a_stream_that_breaks_gives_its_text_and_then_fails(what: str, speech: Speech, connect: Connect) -> None:
    the = speech.says("The")
    scripts = {
        "reset": speech.stream(*the, Act.WAIT_FOR_GO, Act.RESET, whole=False),
        "cut": speech.stream(*the, whole=False),
        "ended": speech.stream(*the),
        "garbage": speech.stream(*the, b"data: \xff\xfe{\n\n"),
    }
    async with upstream(*speech.setup, scripts[what]) as server:
        events = aiter(provider_at(server.url, speech, connect).stream(REQUEST))
        assert await anext(events) == Delta("The")
        server.go.set()
        with pytest.raises(ProviderFailed) as caught:
            await anext(events)
    assert type(caught.value) is ProviderFailed
    assert caught.value.__cause__ is not None


async def test_an_answer_that_is_not_http_fails(speech: Speech, connect: Connect) -> None:
    assert isinstance(await failure(speech, connect, b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), ProviderFailed)


async def test_a_web_page_in_place_of_a_stream_fails_and_says_so(speech: Speech, connect: Connect) -> None:
    error = await failure(speech, connect, *answer(200, b"<html>Welcome</html>", "text/html; charset=utf-8"))
    assert type(error) is ProviderFailed
    assert "text/html" in error.detail
    assert "Welcome" not in error.detail


@pytest.mark.parametrize(
    ("codes", "kind"),
    [
        ("", ProviderFailed),
        (',"type":"rate_limit_error"', ProviderRateLimited),
        (',"code":"context_length_exceeded"', ContextTooLong),
        (',"type":"billing_error"', KeyRefused),
        (',"code":503', ProviderUnavailable),
    ],
)
async def test_an_error_object_with_status_200_is_told_by_its_code_with_its_message(
    codes: str, kind: type[ChatkeepError], speech: Speech, connect: Connect
) -> None:
    body = b'{"error":{"message":"no credit left for %s"%s}}' % (KEY.encode(), codes.encode())
    error = await failure(speech, connect, *answer(200, body))
    assert type(error) is kind
    assert "no credit left for [key]" in error.detail
    assert "application/json in place of" in error.detail


async def test_a_line_without_end_is_given_up_and_the_connection_closed(speech: Speech, connect: Connect) -> None:
    lump = b"data: " + b"x" * 65_536
    async with upstream(*speech.setup, speech.stream(*[lump] * 17, Act.WAIT_FOR_CLOSE)) as server:
        with pytest.raises(ProviderFailed):
            await collected(provider_at(server.url, speech, connect))
        await closed(server)


async def test_a_reply_without_end_is_given_up_and_the_connection_closed(speech: Speech, connect: Connect) -> None:
    lump = b" " * 1_000_000 + b"\n\n"  # nothing in either format, as keep-alives are
    async with upstream(*speech.setup, speech.stream(*speech.says("a"), *[lump] * 68, Act.WAIT_FOR_CLOSE)) as server:
        events = aiter(provider_at(server.url, speech, connect).stream(REQUEST))
        assert await anext(events) == Delta("a")
        with pytest.raises(ProviderFailed, match="67108864"):
            await anext(events)
        await closed(server)


@pytest.mark.parametrize("depth", [1000, 100_000])
async def test_an_answer_that_is_nested_too_deep_fails(depth: int, speech: Speech, connect: Connect) -> None:
    deep = b'{"choices":%s,"message":%s,"candidates":%s}' % ((b"[" * depth + b"]" * depth,) * 3)
    line = b"data: %s\n\n" if speech.media_type == "text/event-stream" else b"%s\n\n"
    assert type(await failure(speech, connect, *speech.stream(line % deep))) is ProviderFailed
    assert type(await failure(speech, connect, *answer(500, deep))) is ProviderFailed


async def test_openai_refuses_to_go_on_with_a_reply_where_the_service_does_not(connect: Connect) -> None:
    request = ProviderRequest("m", [*REQUEST.messages, ChatMessage("assistant", "Once")])
    async with upstream(streamed()) as server:
        provider = OpenAIProvider(connect("x", server.url))
        assert not provider.can_prefill("m")
        with pytest.raises(RequestRefused, match="x cannot go on"):
            _ = [event async for event in provider.stream(request)]
        assert server.requests == []


async def test_openai_goes_on_with_a_reply_and_leaves_out_what_is_said_again(connect: Connect) -> None:
    request = ProviderRequest("m", [*REQUEST.messages, ChatMessage("assistant", "Once")])
    async with upstream(streamed(*said("Once", " upon"))) as server:
        provider = OpenAIProvider(connect("x", server.url), quirks=Quirks(prefill="prefix"))
        assert provider.can_prefill("m")
        assert [event async for event in provider.stream(request)] == [Delta(" upon"), Finish("stop")]


async def test_an_error_body_without_end_is_read_up_to_its_limit(speech: Speech, connect: Connect) -> None:
    head = b"HTTP/1.1 500 X\r\nContent-Type: text/plain\r\n\r\n"
    async with upstream(*speech.setup, [head, b"x" * 70_000, Act.WAIT_FOR_CLOSE]) as server:
        with pytest.raises(ProviderFailed) as caught:
            await collected(provider_at(server.url, speech, connect))
        await closed(server)
    assert len(caught.value.detail) < 400


async def test_a_service_that_hangs_up_before_it_answers_is_unavailable(speech: Speech, connect: Connect) -> None:
    async with upstream(*speech.setup, []) as server:
        with pytest.raises(ProviderUnavailable):
            await collected(provider_at(server.url, speech, connect))
        assert len(server.requests) == len(speech.setup) + 2


async def test_a_refused_connection_is_unavailable(speech: Speech, connect: Connect) -> None:
    async with upstream([]) as server:
        url = server.url
    with pytest.raises(ProviderUnavailable):
        await collected(provider_at(url, speech, connect))


async def test_a_failed_tls_handshake_is_unavailable(speech: Speech, connect: Connect) -> None:
    async def speak_plainly(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 X\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(speak_plainly, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(ProviderUnavailable):
            await collected(provider_at(url, speech, connect))


async def test_openai_lists_its_models_with_the_default_first_and_learns_their_windows(connect: Connect) -> None:
    listed = b'{"data":[{"id":"a"},{"id":"models/b","context_length":4096}]}'
    async with upstream(answer(200, listed)) as server:
        provider = OpenAIProvider(connect("x", server.url), Hints("b", lambda _: 1000))
        assert await provider.models() == ["b", "a"]
        assert (provider.context_tokens("b"), provider.context_tokens("a")) == (4096, 1000)
        assert server.requests[0].startswith(b"GET /models ")


async def test_anthropic_lists_all_pages_of_its_models_without_the_retired_and_learns_their_windows(
    connect: Connect,
) -> None:
    first = b'{"data":[{"id":"new","max_input_tokens":1000000},{"id":"b","lifecycle":"active"}],"has_more":true,'
    second = b'{"data":[{"id":"old","lifecycle":"retired"},{"id":"c","max_input_tokens":null}],"has_more":false}'
    async with upstream(answer(200, first + b'"last_id":"b&limit=1"}'), answer(200, second)) as server:
        service = connect("x", server.url, KEY, anthropic_wire.headers)
        provider = AnthropicProvider(service, Hints("b", lambda _: 200_000))
        assert await provider.models() == ["b", "new", "c"]
        assert [provider.context_tokens(name) for name in ("new", "b", "c", "m")] == [1_000_000] + [200_000] * 3
        targets = [request.split(b" ")[1] for request in server.requests]
        assert targets == [b"/v1/models?limit=1000", b"/v1/models?limit=1000&after_id=b%26limit%3D1"]


async def test_anthropic_says_what_it_learnt_of_a_model_with_its_next_call(connect: Connect) -> None:
    thinks = b'{"thinking":{"supported":true,"types":{"adaptive":{"supported":true}}}}'
    listed = b'{"data":[{"id":"claude-sonnet-5-5","max_tokens":16000,"capabilities":%s}]}' % thinks
    end = b'data: {"type":"message_stop"}\n\n'
    async with upstream(answer(200, listed), streamed(end)) as server:
        provider = AnthropicProvider(connect("x", server.url, KEY, anthropic_wire.headers))
        await provider.check()
        request = ProviderRequest("claude-sonnet-5-5", REQUEST.messages)
        assert [event async for event in provider.stream(request)] == [Finish("stop")]
        sent = json.loads(server.requests[-1].partition(b"\r\n\r\n")[2])
        assert (sent["max_tokens"], sent["thinking"]["display"]) == (16_000, "summarized")


async def test_anthropic_goes_on_with_a_reply_and_does_not_say_white_space_twice(connect: Connect) -> None:
    speech = next(speech for speech in SPEECHES if speech.name == "anthropic")
    messages = [*REQUEST.messages, ChatMessage("assistant", "The sun ")]
    async with upstream(speech.stream(*speech.says(" is hot."), speech.end)) as server:
        provider = provider_at(server.url, speech, connect)
        assert provider.can_prefill("claude-haiku-4-5")
        events = [event async for event in provider.stream(ProviderRequest("claude-haiku-4-5", messages))]
        assert events == [Delta("is hot."), Finish("stop")]
        assert b'"The sun"' in server.requests[-1]


async def test_gemini_lists_all_pages_of_the_models_that_answer_and_learns_their_windows(connect: Connect) -> None:
    answers = b'"supportedGenerationMethods":["generateContent","countTokens"]'
    first = b'{"models":[{"name":"models/a","inputTokenLimit":1048576,%s}],"nextPageToken":"x&y="}' % answers
    embeds = b'{"name":"models/e","supportedGenerationMethods":["embedContent"]}'
    second = b'{"models":[%s,{"name":"models/b",%s}]}' % (embeds, answers)
    async with upstream(answer(200, first), answer(200, second)) as server:
        service = connect("x", server.url, KEY, gemini_wire.headers)
        provider = GeminiProvider(service, Hints("b", lambda _: 1000))
        assert await provider.models() == ["b", "a"]
        assert [provider.context_tokens(name) for name in ("a", "b", "m")] == [1_048_576, 1000, 1000]
        targets = [request.split(b" ")[1] for request in server.requests]
        assert targets == [b"/v1beta/models?pageSize=1000", b"/v1beta/models?pageSize=1000&pageToken=x%26y%3D"]
        assert not provider.can_prefill("a")


async def test_gemini_never_asks_at_a_path_that_a_user_chose(connect: Connect) -> None:
    async with upstream([]) as server:
        provider = GeminiProvider(connect("x", server.url, KEY, gemini_wire.headers))
        with pytest.raises(ModelNotFound):
            [event async for event in provider.stream(ProviderRequest("../../files", REQUEST.messages))]
        assert server.requests == []


async def test_gemini_says_by_a_code_that_it_refuses_the_key(connect: Connect) -> None:
    reason = b'[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"},{"locale":"en"}]'
    body = b'{"error":{"code":400,"message":"API key not valid.","status":"INVALID_ARGUMENT","details":%s}}' % reason
    speech = next(speech for speech in SPEECHES if speech.name == "gemini")
    assert type(await failure(speech, connect, *answer(400, body))) is KeyRefused


@pytest.mark.parametrize(
    ("name", "error", "kind"),
    [
        ("anthropic", b'{"type":"error","error":{"type":"overloaded_error","message":"Busy"}}', ProviderUnavailable),
        ("anthropic", b'{"type":"error","error":{"type":"rate_limit_error","message":"Busy"}}', ProviderRateLimited),
        ("anthropic", b'{"type":"error","error":{"type":"api_error","message":"Busy"}}', ProviderFailed),
        ("gemini", b'{"error":{"code":503,"message":"Busy","status":"UNAVAILABLE"}}', ProviderUnavailable),
        ("gemini", b'{"error":{"code":429,"message":"Busy","status":"RESOURCE_EXHAUSTED"}}', ProviderRateLimited),
    ],
)
async def test_an_error_in_the_middle_is_of_the_kind_that_the_service_names(
    name: str, error: bytes, kind: type[ChatkeepError], connect: Connect
) -> None:
    speech = next(speech for speech in SPEECHES if speech.name == name)
    raised = await failure(speech, connect, *speech.stream(*speech.says("The"), b"data: " + error + b"\n\n"))
    assert type(raised) is kind
    assert "Busy" in raised.detail


async def test_ollama_lists_its_models_and_learns_their_windows_before_the_first_call(connect: Connect) -> None:
    scripts = (
        answer(200, b'{"models":[{"name":"a:latest"},{"name":"b"}]}'),
        answer(200, b'{"model_info":{"general.parameter_count":1,"llama.context_length":2048}}'),
    )
    async with upstream(*scripts) as server:
        provider = OllamaProvider(connect("ollama", server.url), default_model="c")
        assert await provider.models() == ["c", "a:latest", "b"]
        asked = sorted(json.loads(request.partition(b"\r\n\r\n")[2])["model"] for request in server.requests[1:])
        assert asked == ["a:latest", "b", "c"]
        assert [provider.context_tokens(model) for model in ("a", "a:latest", "b", "c", "m")] == [2048] * 4 + [None]
        await provider.models()
        assert len(server.requests) == 5  # what is known is not asked for again


async def test_ollama_lists_its_models_also_when_it_tells_no_window_in_time(connect: Connect) -> None:
    scripts = (answer(200, b'{"models":[{"name":"a"},{"name":"b"}]}'), [Act.WAIT_FOR_CLOSE])
    async with upstream(*scripts) as server:
        provider = OllamaProvider(connect("ollama", server.url))
        assert await provider.models() == ["a", "b"]
        assert provider.context_tokens("a") is None
        await closed(server)


async def test_ollama_learns_the_window_of_a_model_that_is_not_listed_with_its_first_call(connect: Connect) -> None:
    scripts = (
        answer(200, b'{"model_info":{"llama.context_length":2048}}'),
        streamed(b'{"message":{"content":""},"done":true}\n', media_type="application/x-ndjson"),
    )
    async with upstream(*scripts) as server:
        provider = OllamaProvider(connect("ollama", server.url))
        assert provider.context_tokens("m") is None
        await collected(provider)
        assert provider.context_tokens("m") == 2048


async def test_ollama_windows_of_names_that_are_not_listed_are_not_kept_for_ever(connect: Connect) -> None:
    scripts = (
        answer(200, b'{"model_info":{"llama.context_length":2048}}'),
        streamed(b'{"message":{"content":""},"done":true}\n', media_type="application/x-ndjson"),
        answer(200, b'{"models":[]}'),
    )
    async with upstream(*scripts) as server:
        provider = OllamaProvider(connect("ollama", server.url))
        await collected(provider)
        assert provider.context_tokens("m") == 2048
        assert await provider.models() == []
        assert provider.context_tokens("m") is None


async def test_ollama_is_asked_for_the_window_that_it_is_said_to_have(connect: Connect) -> None:
    scripts = (
        answer(200, b'{"model_info":{"llama.context_length":131072}}'),
        streamed(b'{"message":{"content":""},"done":true}\n', media_type="application/x-ndjson"),
    )
    async with upstream(*scripts) as server:
        provider = OllamaProvider(connect("ollama", server.url))
        await collected(provider)
        assert json.loads(server.requests[-1].partition(b"\r\n\r\n")[2])["options"] == {"num_ctx": 8192}
        assert provider.context_tokens("m") == 8192


async def test_ollama_is_asked_for_the_window_of_the_settings(connect: Connect) -> None:
    async with upstream(streamed(b'{"done":true}\n', media_type="application/x-ndjson")) as server:
        provider = OllamaProvider(connect("ollama", server.url), context_tokens=32768)
        assert provider.context_tokens("m") == 32768
        await collected(provider)
        assert json.loads(server.requests[0].partition(b"\r\n\r\n")[2])["options"] == {"num_ctx": 32768}


@pytest.mark.parametrize("body", [b"[]x", b"<html>", b"{}", b"\xff"])
async def test_a_list_of_models_that_is_none_fails(body: bytes, connect: Connect) -> None:
    async with upstream(answer(200, body)) as server:
        with pytest.raises(ProviderFailed):
            await OpenAIProvider(connect("x", server.url)).check()


async def test_a_missing_list_of_models_is_not_taken_for_a_missing_model(connect: Connect) -> None:
    async with upstream(answer(404, b"{}")) as server:
        with pytest.raises(ProviderFailed):
            await OpenAIProvider(connect("x", server.url)).check()


async def test_who_tells_of_images_is_asked_with_the_list_of_models_and_who_does_not_is_not_known(
    connect: Connect,
) -> None:
    openai = b'{"data":[{"id":"a","architecture":{"input_modalities":["text","image"]}},{"id":"b"}]}'
    capabilities = b'{"image_input":{"supported":%s}}'
    anthropic = b'{"data":[{"id":"a","capabilities":%s},{"id":"b","capabilities":%s},{"id":"c"}]}'
    anthropic %= (capabilities % b"true", capabilities % b"false")
    async with upstream(answer(200, openai), answer(200, anthropic)) as server:
        one = OpenAIProvider(connect("x", server.url))
        other = AnthropicProvider(connect("y", server.url, KEY, anthropic_wire.headers))
        assert (one.can_see("a"), other.can_see("a")) == (None, None)
        await one.models()
        await other.models()
        assert [one.can_see(model) for model in ("a", "b", "m")] == [True, None, None]
        assert [other.can_see(model) for model in ("a", "b", "c", "m")] == [True, False, None, None]


async def test_ollama_tells_of_images_also_when_the_settings_give_the_window(connect: Connect) -> None:
    scripts = (
        answer(200, b'{"models":[{"name":"a:latest"}]}'),
        answer(200, b'{"model_info":{"llama.context_length":2048},"capabilities":["completion","vision"]}'),
    )
    async with upstream(*scripts) as server:
        provider = OllamaProvider(connect("ollama", server.url), context_tokens=32768)
        assert provider.can_see("a") is None
        await provider.models()
        assert (provider.can_see("a"), provider.context_tokens("a")) == (True, 32768)
