"""Stop means stop, in every wire format and wherever the reply is: the service sees its connection end."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.formats import FORMATS, MODEL, Format
from tests.server import DEADLINE_S, Server, serving
from tests.upstream import Act, Step, Upstream, answer, upstream

pytestmark = pytest.mark.anyio

SAID = "one two "


class Phase(NamedTuple):
    """Where the reply is when it is stopped. `partial` is what was said of it by then."""

    name: str
    partial: str
    is_stream: bool = True

    def script(self, spoken: Format) -> list[Step]:
        """What the service does until then."""
        if self.name == "before the headers":
            return [Act.WAIT_FOR_CLOSE]
        return spoken.hanging("one ", "two ") if self.partial else spoken.hanging()


PHASES = (
    Phase("before the headers", ""),
    Phase("before the first token", ""),
    Phase("in the middle", SAID),
    Phase("in a reply without stream", SAID, is_stream=False),
)


class Served(NamedTuple):
    """A server, the service that it asks, and a client."""

    server: Server
    service: Upstream
    http: httpx.AsyncClient

    async def ask(self, spoken: Format, *, is_stream: bool) -> str:
        """Send a message and read what it is answered with."""
        body = {"message": "hello", "chat_id": "a", "provider": spoken.name, "model": MODEL, "stream": is_stream}
        return (await self.http.post("/chat", json=body)).text

    async def run(self) -> str:
        """The id of the run that goes on, as soon as the service was asked."""
        async with asyncio.timeout(DEADLINE_S):
            while not self.service.requests:
                await asyncio.sleep(0.01)
        (run,) = (await self.http.get("/runs")).json()["runs"]
        run_id: str = run["run_id"]
        return run_id

    async def reached(self, run_id: str, partial: str) -> None:
        """Return when the service has said `partial` and is silent."""
        async with asyncio.timeout(DEADLINE_S):
            await self.service.waits_for_close.wait()
            while (await self.http.get(f"/runs/{run_id}")).json()["response_chars"] < len(partial):
                await asyncio.sleep(0.01)

    async def closed(self) -> None:
        """Return when the service has seen its connection end."""
        async with asyncio.timeout(DEADLINE_S):
            await self.service.client_closed.wait()


@asynccontextmanager
async def served(folder: Path, spoken: Format, *script: Sequence[Step], **variables: str) -> AsyncIterator[Served]:
    async with upstream(*script, asides=spoken.asides) as service:
        environment = {**spoken.variables(service.url), **variables}
        with serving(folder, start=False, environment=environment) as server:
            await asyncio.to_thread(server.start)
            async with httpx.AsyncClient(base_url=server.base_url, timeout=DEADLINE_S, trust_env=False) as http:
                yield Served(server, service, http)


@pytest.mark.parametrize("phase", PHASES, ids=lambda phase: phase.name)
@pytest.mark.parametrize("spoken", FORMATS, ids=lambda spoken: spoken.name)
async def test_a_stop_closes_the_connection_to_the_service_and_keeps_what_was_said(
    spoken: Format, phase: Phase, tmp_path: Path
) -> None:
    async with served(tmp_path / "chats", spoken, phase.script(spoken)) as place:
        asked = asyncio.create_task(place.ask(spoken, is_stream=phase.is_stream))
        run_id = await place.run()
        await place.reached(run_id, phase.partial)
        assert not place.service.client_closed.is_set()

        receipt = (await place.http.post(f"/runs/{run_id}/stop")).json()

        assert (receipt["state"], receipt["upstream_closed"]) == ("stopped", True)
        await place.closed()
        answered = await asyncio.wait_for(asked, DEADLINE_S)
        assert '"stopped"' in answered
        assert len(place.service.requests) == 1
        question, reply = place.server.stored_messages("a")
        assert (question["content"], reply["content"], reply["status"]) == ("hello", phase.partial, "stopped")
        assert "Traceback" not in place.server.log


@pytest.mark.parametrize("spoken", FORMATS, ids=lambda spoken: spoken.name)
async def test_a_stop_ends_the_wait_for_another_try_and_the_service_is_not_asked_again(
    spoken: Format, tmp_path: Path
) -> None:
    overloaded = answer(503, b'{"error":"overloaded"}', "application/json", "Retry-After: 5")
    async with served(tmp_path / "chats", spoken, overloaded, CHATKEEP_RETRIES="2") as place:
        asked = asyncio.create_task(place.ask(spoken, is_stream=True))
        run_id = await place.run()
        async with place.http.stream("GET", f"/runs/{run_id}/events") as events:
            async for line in events.aiter_lines():
                if line == "event: retry":
                    break

        receipt = (await place.http.post(f"/runs/{run_id}/stop")).json()

        assert receipt["state"] == "stopped"
        assert '"stopped"' in await asyncio.wait_for(asked, DEADLINE_S)
        assert len(place.service.requests) == 1
