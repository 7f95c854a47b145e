"""Clients that leave, over real sockets: the run goes on, or ends where it was told to, and its service sees that."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.server import DEADLINE_S, Server, serving
from tests.upstream import Act, Upstream, answer, said, streamed, upstream

pytestmark = pytest.mark.anyio

MODELS = {"/models": answer(200, b'{"object":"list","data":[{"id":"m","object":"model"}]}')}
HEAD = said("one ", "two ")[:2]
REST = said("one ", "two ", "three")[2:]
CUT = streamed(*HEAD, whole=False)
SPEAKING = streamed(*HEAD, Act.WAIT_FOR_CLOSE)
GOING_ON = streamed(*HEAD, Act.WAIT_FOR_GO, *REST)


class Way(NamedTuple):
    """A request that makes a run and follows it."""

    path: str
    body: dict[str, Any]


WAYS = {
    "a stream": Way("/chat", {"message": "hi", "stream": True}),
    "a wait": Way("/chat", {"message": "hi"}),
    "text": Way("/stream", {"prompt": "hi"}),
    "chunks": Way("/stream?stream_format=openai", {"prompt": "hi"}),
    "events": Way("/stream?stream_format=sse", {"prompt": "hi"}),
    "a generation": Way("/api/llm/generate", {"prompt": "hi"}),
    "a generation's stream": Way("/api/llm/stream", {"prompt": "hi"}),
    "the other chat": Way("/api/v1/chat", {"message": "hi"}),
    "a continuation": Way("/chat/continue/begun", {}),
    "a continuation's stream": Way("/chat/continue/begun", {"stream": True}),
}


@asynccontextmanager
async def serving_with(folder: Path, services: dict[str, Upstream]) -> AsyncIterator[tuple[Server, httpx.AsyncClient]]:
    """A server with these services by the names of their providers."""
    environment: dict[str, str] = {}
    for name, service in services.items():
        prefix = name.upper()
        environment |= {f"{prefix}_BASE_URL": service.url, f"{prefix}_API_KEY": "k", f"{prefix}_MODEL": "m"}
    with serving(folder, start=False, environment=environment) as server:
        await asyncio.to_thread(server.start)
        async with httpx.AsyncClient(base_url=server.base_url, timeout=DEADLINE_S, trust_env=False) as http:
            yield server, http


async def live_run(http: httpx.AsyncClient, provider: str) -> str:
    """The run that this provider is answering, once it has said something."""
    async with asyncio.timeout(DEADLINE_S):
        while True:
            for run in (await http.get("/runs")).json()["runs"]:
                if run["provider"] == provider and run["response_chars"] == len("one two "):
                    return str(run["run_id"])
            await asyncio.sleep(0.01)


async def ended(http: httpx.AsyncClient, run_id: str) -> dict[str, Any]:
    """The run, once it has ended. Looked for and not followed, which would keep it going."""
    async with asyncio.timeout(DEADLINE_S):
        while run_id in [run["run_id"] for run in (await http.get("/runs")).json()["runs"]]:
            await asyncio.sleep(0.01)
    run: dict[str, Any] = (await http.get(f"/runs/{run_id}")).json()
    return run


async def leave(http: httpx.AsyncClient, way: Way, provider: str, **more: str) -> str:
    """Ask, and close the connection when the reply has begun; the run."""
    async with httpx.AsyncClient(base_url=http.base_url, timeout=DEADLINE_S, trust_env=False) as leaving:
        asking = asyncio.create_task(leaving.post(way.path, json={**way.body, "provider": provider, **more}))
        run_id = await live_run(http, provider)
        assert not asking.done()
        asking.cancel()
        await asyncio.wait([asking])
    return run_id


@asynccontextmanager
async def left(folder: Path, script: list[Any], **more: str) -> AsyncIterator[tuple[Server, httpx.AsyncClient, Any]]:
    """Every way taken and left, each with a service of its own; the services and runs by the way."""
    async with AsyncExitStack() as stack:
        services = {}
        for number, kind in enumerate(WAYS):
            scripts = (CUT, script) if "continuation" in kind else (script,)
            services[f"acme{number}"] = await stack.enter_async_context(upstream(*scripts, asides=MODELS))
        server, http = await stack.enter_async_context(serving_with(folder, services))
        asked = []
        for provider, (kind, way) in zip(services, WAYS.items(), strict=True):
            chosen = way
            if "continuation" in kind:
                chosen = Way(f"/chat/continue/{provider}", way.body)
                body = {"message": "hi", "chat_id": provider, "provider": provider}
                assert (await http.post("/chat", json=body)).status_code == 502
            asked.append(leave(http, chosen, provider, **more))
        runs = await asyncio.gather(*asked)
        yield server, http, dict(zip(WAYS, zip(services.values(), runs, strict=True), strict=True))


async def test_whoever_leaves_a_run_that_was_told_to_end_then_closes_its_connection_to_the_service(
    tmp_path: Path,
) -> None:
    async with left(tmp_path / "chats", SPEAKING, on_leave="cancel") as (server, http, runs):
        for kind, (service, run_id) in runs.items():
            run = await ended(http, run_id)
            assert (run["state"], run["finish_reason"], run["response_chars"]) == ("stopped", "stopped", 8), kind
            async with asyncio.timeout(DEADLINE_S):
                await service.client_closed.wait()
            if "chat_id" in run:
                reply = server.stored_messages(run["chat_id"])[-1]
                assert (reply["content"], reply["status"]) == ("one two ", "stopped"), kind


async def test_whoever_leaves_any_other_run_changes_nothing(tmp_path: Path) -> None:
    async with left(tmp_path / "chats", GOING_ON) as (server, http, runs):
        for kind, (service, run_id) in runs.items():
            assert (await http.get(f"/runs/{run_id}")).json()["state"] == "running", kind
            service.go.set()
            run = await ended(http, run_id)
            assert (run["state"], run["response_chars"]) == ("completed", len("one two three")), kind
            assert not service.client_closed.is_set(), kind
            if "chat_id" in run:
                assert server.stored_messages(run["chat_id"])[-1]["content"] == "one two three", kind


async def test_a_page_that_is_loaded_anew_finds_its_run_going_on_where_it_left(tmp_path: Path) -> None:
    async with (
        upstream(GOING_ON, asides=MODELS) as service,
        serving_with(tmp_path / "chats", {"acme": service}) as (server, http),
    ):
        run_id = await leave(http, WAYS["a stream"], "acme", on_leave="cancel")
        async with http.stream("GET", f"/runs/{run_id}/events") as response:
            pieces = response.aiter_raw()
            seen = await anext(pieces)
            service.go.set()
            async for piece in pieces:
                seen += piece

        assert b"event: done" in seen
        assert (await ended(http, run_id))["state"] == "completed"
        assert "run_left" not in server.log


@pytest.mark.parametrize("path", ["/chat", "/chat/continue/any"])
async def test_nobody_can_leave_a_run_in_the_background(tmp_path: Path, path: str) -> None:
    async with serving_with(tmp_path / "chats", {}) as (_, http):
        body: dict[str, Any] = {"background": True, "on_leave": "cancel"}
        response = await http.post(path, json=body if "continue" in path else {**body, "message": "hi"})

        assert (response.status_code, response.json()["errors"][0]["path"]) == (422, "$.on_leave")
        assert (await http.get("/chat/history")).json()["chats"] == {}
