"""How a response that follows a run ends."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chatkeep.access.subject import ANONYMOUS, Subject
from chatkeep.api.caller import Caller
from chatkeep.api.event_stream import EventStream
from chatkeep.api.live_response import StreamCut
from chatkeep.api.open_connections import MOST, OpenConnections
from chatkeep.api.run_stream import RunStream
from chatkeep.chat.messages import OnLeave, SendRequest
from chatkeep.chat.run import Run, RunState
from chatkeep.errors import RateLimited, Unauthorized
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


async def begun(h: Heart, on_leave: OnLeave = "continue") -> tuple[Caller, Run]:
    run = await h.chat.send("", SendRequest("hi", on_leave=on_leave))
    (await h.puppet.call(0)).say("so far")
    return Caller(h.chat, ANONYMOUS, OpenConnections(), FakeConnection().receive), run  # type: ignore[arg-type]


async def test_a_stream_whose_credential_died_is_cut_while_it_waits_and_its_run_goes_on(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        (caller, run), connection = await begun(h), FakeConnection()
        task = connection.answering(EventStream(caller, run))
        await connection.until(b"so far")

        assert caller.connections.close_where(lambda subject: subject is ANONYMOUS) == 1
        await task

        assert (connection.is_whole, run.ended, caller.connections.count("stream")) == (False, False, 0)


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


async def test_nothing_of_a_stream_is_left_running_when_it_has_ended(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        (caller, run), connection = await begun(h), FakeConnection()
        before = asyncio.all_tasks()
        task = connection.answering(EventStream(caller, run))
        await connection.until(b"so far")
        caller.connections.close_where(lambda _: True)
        await task

        assert asyncio.all_tasks() - before == set()


async def test_a_stream_too_many_of_one_owner_is_refused_before_it_begins(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        (caller, run), connection = await begun(h), FakeConnection()
        with ExitStack() as others:
            for _ in range(MOST["stream"]):
                others.enter_context(caller.connections.registered("stream", ANONYMOUS, lambda: None))
            with pytest.raises(RateLimited):
                caller.check_stream()
            with pytest.raises(RateLimited):
                await connection.answering(EventStream(caller, run))
            caller.connections.check("stream", Subject("bob", "bob", ANONYMOUS.role))
        caller.check_stream()

    assert connection.sent == []


async def test_a_wait_ends_with_its_run_or_with_its_credential(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        caller, run = await begun(h)
        waiting, revoked = (asyncio.create_task(caller.ended(run)) for _ in range(2))
        while caller.connections.count("wait") < 2:
            await asyncio.sleep(0)
        revoked_only = iter([True])
        caller.connections.close_where(lambda _: next(revoked_only, False))
        (await h.puppet.call(0)).finish("the end")

        results = await asyncio.gather(waiting, revoked, return_exceptions=True)

        assert sorted(type(result).__name__ for result in results) == ["NoneType", "Unauthorized"]
        assert caller.connections.count("wait") == 0


async def stopped_when(h: Heart, run: Run) -> None:
    """Return when the run has ended, which nobody but a leaving client makes it do here."""
    await run.wait_ended()
    assert run.state is RunState.STOPPED
    assert h.puppet.calls[0].closed


async def test_the_last_stream_of_a_run_that_was_told_to_ends_it_when_its_client_leaves(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0
        (caller, run), first, second = await begun(h, "cancel"), FakeConnection(), FakeConnection()
        tasks = [connection.answering(EventStream(caller, run)) for connection in (first, second)]
        await first.until(b"so far")
        first.left.set()
        await tasks[0]
        assert run.ending is None

        second.left.set()
        await tasks[1]

        await stopped_when(h, run)


async def test_a_stream_that_is_refused_counts_as_one_that_left(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0
        (caller, run), connection = await begun(h, "cancel"), FakeConnection()
        with ExitStack() as others:
            for _ in range(MOST["stream"]):
                others.enter_context(caller.connections.registered("stream", ANONYMOUS, lambda: None))
            with pytest.raises(RateLimited):
                await connection.answering(EventStream(caller, run))

        await stopped_when(h, run)


@pytest.mark.parametrize("how", ["left", "revoked", "cancelled"])
async def test_a_wait_for_a_run_that_was_told_to_ends_it_when_the_client_is_gone(tmp_path: Path, how: str) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0
        (caller, run), connection = await begun(h, "cancel"), FakeConnection()
        caller = msgspec.structs.replace(caller, receive=connection.receive)
        waiting = asyncio.create_task(caller.ended(run))
        while not caller.connections.count("wait"):
            await asyncio.sleep(0)
        if how == "left":
            connection.left.set()
        elif how == "revoked":
            caller.connections.close_where(lambda _: True)
        else:
            waiting.cancel()

        await stopped_when(h, run)
        (result,) = await asyncio.gather(waiting, return_exceptions=True)
        assert type(result) is {"left": type(None), "revoked": Unauthorized, "cancelled": asyncio.CancelledError}[how]


async def test_a_wait_whose_client_is_there_to_the_end_leaves_nothing_behind(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0
        caller, run = await begun(h, "cancel")
        before = asyncio.all_tasks()
        waiting = asyncio.create_task(caller.ended(run))
        (await h.puppet.call(0)).finish()
        await waiting

        assert (run.state, asyncio.all_tasks() - before) == (RunState.COMPLETED, set())


async def test_nobody_listens_for_a_client_whose_leaving_means_nothing(tmp_path: Path) -> None:
    async def receive() -> Mapping[str, Any]:
        raise AssertionError("it was asked")

    async with heart(tmp_path) as h:
        caller, run = await begun(h)
        waiting = asyncio.create_task(msgspec.structs.replace(caller, receive=receive).ended(run))
        (await h.puppet.call(0)).finish()
        await waiting
