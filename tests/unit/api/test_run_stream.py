"""How a response that follows a run ends."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import pytest

from chatkeep.access.subject import ANONYMOUS
from chatkeep.api.caller import Caller
from chatkeep.api.event_stream import EventStream
from chatkeep.api.open_connections import OpenConnections
from chatkeep.api.run_stream import RunStream, StreamCut
from chatkeep.chat.messages import SendRequest
from chatkeep.chat.run import Run
from tests.puppet import Heart, heart

pytestmark = pytest.mark.anyio


class FakeConnection:
    """The server's side of one response; `leave` is the client's."""

    def __init__(self) -> None:
        self.sent: list[Mapping[str, Any]] = []
        self.left = asyncio.Event()
        self.news = asyncio.Event()
        self.takes = asyncio.Event()
        self.takes.set()

    async def receive(self) -> Mapping[str, Any]:
        await self.left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Mapping[str, Any]) -> None:
        self.sent.append(message)
        self.news.set()
        await self.takes.wait()

    async def until(self, text: bytes) -> None:
        while text not in self.body:
            self.news.clear()
            await self.news.wait()

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent)

    @property
    def is_whole(self) -> bool:
        return self.sent[-1].get("more_body") is False

    def answering(self, stream: RunStream) -> asyncio.Task[None]:
        return asyncio.create_task(stream({}, self.receive, self.send))  # type: ignore[arg-type]


async def begun(h: Heart) -> tuple[Caller, Run]:
    run = await h.chat.send("", SendRequest("hi"))
    (await h.puppet.call(0)).say("so far")
    return Caller(h.chat, ANONYMOUS, OpenConnections()), run


async def test_a_stream_whose_credential_died_ends_while_it_waits_and_its_run_goes_on(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        (caller, run), connection = await begun(h), FakeConnection()
        task = connection.answering(EventStream(caller, run))
        await connection.until(b"so far")

        assert caller.connections.close_where(lambda subject: subject is ANONYMOUS) == 1
        await task

        assert (connection.is_whole, run.ended, caller.connections.count("stream")) == (True, False, 0)


async def test_a_stream_whose_credential_died_ends_also_for_a_client_that_takes_nothing(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        (caller, run), connection = await begun(h), FakeConnection()
        task = connection.answering(EventStream(caller, run))
        await connection.until(b"event: start")
        connection.takes.clear()
        await connection.until(b"so far")
        caller.connections.close_where(lambda _: True)

        await task


async def test_a_client_that_left_is_noticed_at_once_and_its_run_goes_on(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        (caller, run), connection = await begun(h), FakeConnection()
        task = connection.answering(EventStream(caller, run))
        await connection.until(b"so far")
        connection.left.set()
        await task

        assert (connection.is_whole, run.ended, caller.connections.count("stream")) == (False, False, 0)


async def test_a_stream_that_is_cut_has_no_proper_end(tmp_path: Path) -> None:
    async def pieces() -> AsyncGenerator[bytes, None]:
        yield b"half"
        raise StreamCut

    async with heart(tmp_path) as h:
        (caller, run), connection = await begun(h), FakeConnection()
        await connection.answering(RunStream(caller, run, "text/plain", pieces()))

    assert (connection.body, connection.is_whole) == (b"half", False)


async def test_a_cancelled_response_stays_cancelled(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        (caller, run), connection = await begun(h), FakeConnection()
        task = connection.answering(EventStream(caller, run))
        await connection.until(b"so far")
        task.cancel()

        with pytest.raises(asyncio.CancelledError):
            await task
