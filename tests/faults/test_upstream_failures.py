"""A service that fails, over real sockets: the contract's answer, the partial kept, the message in the chat."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.server import DEADLINE_S, Event, Server, Stream, serving
from tests.upstream import Act, Step, Upstream, answer, said, streamed, upstream

pytestmark = pytest.mark.anyio

KEY = "sk-a-very-secret-key"
MODELS = answer(200, b'{"object":"list","data":[{"id":"m","object":"model"}]}')
HEAD = said("one ", "two ")[:2]  # two pieces, and no end
SILENCE = {"CHATKEEP_FIRST_TOKEN_S": "0.4", "CHATKEEP_STALL_S": "0.4"}


class Case(NamedTuple):
    """What the service does, and what the client must get."""

    script: Sequence[Step]
    status: int
    code: str
    partial: str = ""
    retry_after: str | None = None


CASES = {
    "cut": Case(streamed(*HEAD, whole=False), 502, "provider_error", "one two "),
    "cut within an event": Case(streamed(*HEAD, b'data: {"choi', whole=False), 502, "provider_error", "one two "),
    "ended without its end": Case(streamed(*HEAD), 502, "provider_error", "one two "),
    "no JSON": Case(streamed(*HEAD, b"data: hello\n\n"), 502, "provider_error", "one two "),
    "an error in the stream": Case(
        streamed(*HEAD, b'data: {"error":{"message":"overheated"}}\n\n'), 502, "provider_error", "one two "
    ),
    "a web page": Case(answer(200, b"<html>Hello</html>", "text/html"), 502, "provider_error"),
    "no HTTP": Case([b"SSH-2.0-OpenSSH_9.6\r\n\r\n"], 502, "provider_error"),
    "closed without an answer": Case([b""], 503, "provider_unavailable"),
    "a refused key": Case(answer(401, b'{"error":{"message":"Wrong key %s"}}' % KEY.encode()), 502, "provider_error"),
    "too many requests": Case(
        answer(429, b'{"error":{"message":"Slow down"}}', "application/json", "Retry-After: 7"),
        503,
        "provider_rate_limited",
        retry_after="7",
    ),
    "an error of its own": Case(answer(500, b"oops", "text/plain"), 502, "provider_error"),
    "overloaded": Case(answer(503, b"{}"), 503, "provider_unavailable"),
    "no such model": Case(answer(404, b'{"error":{"message":"No model m"}}'), 404, "model_not_found"),
    "silence from the start": Case(streamed(Act.WAIT_FOR_CLOSE), 504, "provider_timeout"),
    "silence in the middle": Case(streamed(*HEAD, Act.WAIT_FOR_CLOSE), 504, "provider_timeout", "one two "),
}


@asynccontextmanager
async def _served(folder: Path, *script: Sequence[Step]) -> AsyncIterator[tuple[Server, Upstream, httpx.AsyncClient]]:
    """A server whose provider `acme` is a service that lists its models, then plays `script` again and again."""
    async with upstream(MODELS, MODELS, *script) as service:
        environment = {"ACME_BASE_URL": service.url, "ACME_API_KEY": KEY, "ACME_MODEL": "m", **SILENCE}
        with serving(folder, start=False, environment=environment) as server:
            await asyncio.to_thread(server.start)
            async with asyncio.timeout(DEADLINE_S):
                while len(service.requests) < 2:  # the first check asks for the models twice
                    await asyncio.sleep(0.01)
            async with httpx.AsyncClient(base_url=server.base_url, timeout=DEADLINE_S, trust_env=False) as http:
                yield server, service, http


@pytest.mark.parametrize("kind", CASES)
async def test_a_service_that_fails_costs_neither_the_message_nor_the_partial_reply(tmp_path: Path, kind: str) -> None:
    case = CASES[kind]
    async with _served(tmp_path / "chats", case.script) as (server, _, http):
        body = {"message": "hello", "chat_id": "a", "provider": "acme"}
        response = await http.post("/chat", json=body)
        document = response.json()
        assert (response.status_code, document["code"]) == (case.status, case.code)
        assert response.headers["content-type"] == "application/problem+json"
        assert (document["chat_id"], document.get("partial", "")) == ("a", case.partial)
        assert response.headers.get("retry-after") == case.retry_after
        assert KEY not in response.text
        _check_stored(server, "a", case)
        run = (await http.get(f"/runs/{document['run_id']}")).json()
        assert (run["state"], run["error"]) == ("failed", case.code)

        response = await http.post("/chat", json={**body, "chat_id": "b", "stream": True})
        events = _events(response)
        assert events[-1].event == "failed"
        assert (events[-1].fields["status"], events[-1].fields["code"]) == (case.status, case.code)
        assert "".join(event.fields["text"] for event in events if event.event == "delta") == case.partial
        assert events[-1].fields.get("partial", "") == case.partial
        _check_stored(server, "b", case)
        assert KEY not in server.log
        assert "Traceback" not in server.log


async def test_a_service_that_is_not_there_is_unavailable(tmp_path: Path) -> None:
    environment = {"ACME_BASE_URL": "http://127.0.0.1:9", "ACME_API_KEY": KEY, "ACME_MODEL": "m"}
    with serving(tmp_path / "chats", start=False, environment=environment) as server:
        await asyncio.to_thread(server.start)
        response = await asyncio.to_thread(server.client.send, "hello", "a", provider="acme")

        assert (response.status_code, response.json()["code"]) == (503, "provider_unavailable")
        _check_stored(server, "a", Case([], 503, "provider_unavailable"))


async def test_a_connection_that_is_reset_in_the_middle_keeps_the_partial_reply(tmp_path: Path) -> None:
    script = streamed(*HEAD, Act.WAIT_FOR_GO, Act.RESET, whole=False)
    async with _served(tmp_path / "chats", script) as (server, service, http):
        body = {"message": "hello", "chat_id": "a", "provider": "acme", "stream": True}
        async with http.stream("POST", "/chat", json=body) as response:
            text = b""
            async for chunk in response.aiter_raw():
                text += chunk
                if b"two" in text:
                    service.go.set()

        assert b"event: failed" in text
        _check_stored(server, "a", Case([], 502, "provider_error", "one two "))


async def test_stop_closes_the_connection_to_the_service_and_keeps_the_partial_reply(tmp_path: Path) -> None:
    script = streamed(*HEAD, Act.WAIT_FOR_CLOSE)
    async with _served(tmp_path / "chats", script) as (server, service, http):
        run_id = await _begin(http)
        await _until_said(http, run_id)
        assert not service.client_closed.is_set()

        receipt = (await http.post(f"/runs/{run_id}/stop")).json()

        assert (receipt["state"], receipt["upstream_closed"]) == ("stopped", True)
        async with asyncio.timeout(DEADLINE_S):
            await service.client_closed.wait()
        question, reply = server.stored_messages("a")
        assert (question["content"], reply["content"], reply["status"]) == ("hello", "one two ", "stopped")


async def test_a_client_that_leaves_does_not_stop_the_run(tmp_path: Path) -> None:
    rest = said("one ", "two ", "three")[2:]
    async with _served(tmp_path / "chats", streamed(*HEAD, Act.WAIT_FOR_GO, *rest)) as (server, service, http):
        body = {"message": "hello", "chat_id": "a", "provider": "acme", "stream": True}
        async with http.stream("POST", "/chat", json=body) as response:
            run_id = response.headers["x-run-id"]
            assert await anext(response.aiter_raw())
        await _until_said(http, run_id)
        service.go.set()

        events = _events(await http.get(f"/runs/{run_id}/events"))
        assert events[-1].event == "done"
        assert server.stored_messages("a")[1]["content"] == "one two three"
        assert not service.client_closed.is_set()


async def test_a_kill_during_a_stream_closes_the_connection_to_the_service(tmp_path: Path) -> None:
    async with _served(tmp_path / "chats", streamed(*HEAD, Act.WAIT_FOR_CLOSE)) as (server, service, http):
        await _until_said(http, await _begin(http))
        await asyncio.to_thread(server.kill)
        async with asyncio.timeout(DEADLINE_S):
            await service.client_closed.wait()

        await asyncio.to_thread(server.start)
        question, reply = server.stored_messages("a")
        assert (question["content"], reply["content"], reply["status"]) == ("hello", "one two ", "interrupted")


async def test_a_chat_goes_on_after_its_service_failed(tmp_path: Path) -> None:
    scripts = (CASES["cut"].script, streamed(*said("well ", "again")))
    async with _served(tmp_path / "chats", *scripts) as (server, _, http):
        body = {"message": "hello", "chat_id": "a", "provider": "acme"}
        assert (await http.post("/chat", json=body)).status_code == 502
        assert (await http.post("/chat", json={**body, "message": "and now"})).status_code == 200

        contents = [message["content"] for message in server.stored_messages("a")]
        assert contents == ["hello", "one two ", "and now", "well again"]


async def _begin(http: httpx.AsyncClient) -> str:
    body = {"message": "hello", "chat_id": "a", "provider": "acme", "background": True}
    run_id: str = (await http.post("/chat", json=body)).json()["run_id"]
    return run_id


async def _until_said(http: httpx.AsyncClient, run_id: str) -> None:
    """Return when the run has all that HEAD says, in however many events."""
    async with asyncio.timeout(DEADLINE_S):
        while (await http.get(f"/runs/{run_id}")).json()["response_chars"] < len("one two "):
            await asyncio.sleep(0.01)


def _events(response: httpx.Response) -> list[Event]:
    """The events of a stream that was read whole."""
    assert response.status_code == 200
    whole = httpx.Response(200, stream=httpx.ByteStream(response.content))
    return Stream(whole).rest()


def _check_stored(server: Server, chat_id: str, case: Case) -> None:
    """The message is in the chat, with the reply as far as it came."""
    question, reply = server.stored_messages(chat_id)
    assert question["content"] == "hello"
    assert (reply["content"], reply["status"], reply["error"]) == (case.partial, "failed", case.code)
