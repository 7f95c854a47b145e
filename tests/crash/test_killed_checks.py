"""Kill -9 and SIGTERM while a judge thinks about a reply: the opinion is lost, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.server import DEADLINE_S, Server, serving
from tests.upstream import Act, Upstream, answer, said, streamed, upstream

pytestmark = pytest.mark.anyio

MODELS = {"/models": answer(200, b'{"object":"list","data":[{"id":"oak","object":"model"}]}')}


@asynccontextmanager
async def judging(folder: Path) -> AsyncIterator[tuple[Server, Upstream]]:
    """A server that has answered in chat `a`, and whose judge has begun to speak and says no more."""
    begun = said("UNSUPPORTED ")[0]
    async with upstream(streamed(begun, Act.WAIT_FOR_CLOSE), streamed(*said("SUPPORTED")), asides=MODELS) as service:
        environment = {
            "CHATKEEP_CHECKS": "empty,grounding",
            "CHATKEEP_GROUNDING_MODEL": "judge/oak",
            "JUDGE_BASE_URL": service.url,
            "JUDGE_API_KEY": "k",
        }
        with serving(folder / "chats", start=False, environment=environment) as server:
            await asyncio.to_thread(server.start)
            response = await asyncio.to_thread(server.client.send, "Hello there.", "a")
            assert response.status_code == 200
            async with asyncio.timeout(DEADLINE_S):
                await service.waits_for_close.wait()
            yield server, service


async def test_a_kill_between_the_end_of_a_run_and_its_judgement_loses_the_opinion_alone(tmp_path: Path) -> None:
    async with judging(tmp_path) as (server, service):
        before = server.chat_file("a").read_bytes()
        run_id = server.stored_messages("a")[1]["run_id"]
        events = await asyncio.to_thread(server.client.follow, run_id)
        await asyncio.to_thread(server.kill)
        for _ in range(2):
            await asyncio.to_thread(server.start)

            assert server.chat_file("a").read_bytes() == before
            assert await asyncio.to_thread(server.client.follow, run_id) == events
            await asyncio.to_thread(server.kill)
        assert len(service.requests) == 1  # nobody is asked for it again

        await asyncio.to_thread(server.start)
        await asyncio.to_thread(server.client.send, "Hello again.", "a")
        async with asyncio.timeout(DEADLINE_S):
            while len(checks := server.stored_messages("a")[3]["checks"]) < 2:
                await asyncio.sleep(0.01)
        assert checks == [{"name": "empty", "verdict": "pass"}, {"name": "grounding", "verdict": "pass"}]
        assert [check["name"] for check in server.stored_messages("a")[1]["checks"]] == ["empty"]


async def test_a_stop_of_the_server_does_not_wait_for_a_judge(tmp_path: Path) -> None:
    async with judging(tmp_path) as (server, service):
        before = server.chat_file("a").read_bytes()

        assert await asyncio.to_thread(server.terminate) == 0
        async with asyncio.timeout(DEADLINE_S):
            await service.client_closed.wait()
        assert server.chat_file("a").read_bytes() == before
        assert "Traceback" not in server.log
