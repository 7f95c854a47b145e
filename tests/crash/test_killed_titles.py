"""Titles by a model on a real server: kill -9 and SIGTERM while one is written, and what is counted of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.server import DEADLINE_S, Server, serving
from tests.upstream import Act, Step, Upstream, answer, said, streamed, upstream

pytestmark = pytest.mark.anyio

MODELS = {"/models": answer(200, b'{"object":"list","data":[{"id":"oak","object":"model"}]}')}
FIRST = "Which trees are evergreen?"


@asynccontextmanager
async def titling(folder: Path, *scripts: list[Step]) -> AsyncIterator[tuple[Server, Upstream]]:
    """A server whose model writes titles, and has answered in chat `a` with the first of `scripts`."""
    async with upstream(*scripts, asides=MODELS) as service:
        environment = {
            "CHATKEEP_TITLES": "model",
            "CHATKEEP_PROVIDER": "forest",
            "FOREST_BASE_URL": service.url,
            "FOREST_API_KEY": "k",
        }
        with serving(folder / "chats", start=False, environment=environment) as server:
            await asyncio.to_thread(server.start)
            response = await asyncio.to_thread(server.client.send, FIRST, "a")
            assert response.status_code == 200, response.text
            yield server, service


def begun() -> list[Step]:
    """A title that has begun to come, and does not go on."""
    return streamed(said("Ever")[0], Act.WAIT_FOR_CLOSE)


async def test_a_title_comes_into_the_chat_and_is_no_run_of_anybody(tmp_path: Path) -> None:
    async with titling(tmp_path, streamed(*said("Pines.")), streamed(*said("**Evergreen ", "trees**"))) as (server, _):
        async with asyncio.timeout(DEADLINE_S):
            while server.stored("a")["title"] == FIRST:
                await asyncio.sleep(0.01)

        client = server.client
        shown = (await asyncio.to_thread(client.history, "a"))["history"]
        assert (shown["title"], shown["revision"]) == ("Evergreen trees", 2)
        assert (await asyncio.to_thread(client.chats))["a"]["title"] == "Evergreen trees"
        rows = (await asyncio.to_thread(client.http.get, "/history")).json()
        assert [row["prompt"] for row in rows] == [FIRST]
        assert (await asyncio.to_thread(client.http.get, "/runs")).json()["runs"] == []
        page = (await asyncio.to_thread(client.http.get, "/metrics")).text
        assert 'chatkeep_provider_calls_total{outcome="ok",provider="forest"} 2.0' in page
        assert 'chatkeep_runs_total{provider="forest",state="completed"} 1.0' in page


async def test_a_kill_while_a_title_is_written_loses_the_title_alone(tmp_path: Path) -> None:
    async with titling(tmp_path, streamed(*said("Pines.")), begun(), streamed(*said("Yes."))) as (server, service):
        async with asyncio.timeout(DEADLINE_S):
            await service.waits_for_close.wait()
        before = server.chat_file("a").read_bytes()
        await asyncio.to_thread(server.kill)
        await asyncio.to_thread(server.start)

        assert server.chat_file("a").read_bytes() == before
        assert (await asyncio.to_thread(server.client.chats))["a"]["title"] == FIRST
        assert (await asyncio.to_thread(server.client.send, "Are you sure?", "a")).status_code == 200
        assert server.stored("a")["title"] == FIRST
        assert len(service.requests) == 3  # nobody is asked for it again


async def test_a_stop_of_the_server_does_not_wait_for_a_title(tmp_path: Path) -> None:
    async with titling(tmp_path, streamed(*said("Pines.")), begun()) as (server, service):
        async with asyncio.timeout(DEADLINE_S):
            await service.waits_for_close.wait()
        before = server.chat_file("a").read_bytes()

        assert await asyncio.to_thread(server.terminate) == 0
        async with asyncio.timeout(DEADLINE_S):
            await service.client_closed.wait()
        assert server.chat_file("a").read_bytes() == before
        assert "Traceback" not in server.log
