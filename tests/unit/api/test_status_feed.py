"""What sockets are told, and how little it takes."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chatkeep.access.subject import ANONYMOUS, Subject
from chatkeep.api.open_connections import OpenConnections
from chatkeep.api.status_feed import TOO_SLOW, Outbox, StatusFeed
from chatkeep.api.status_socket import StatusSockets
from chatkeep.chat.messages import SendRequest
from chatkeep.chat.ports import ProviderState
from chatkeep.chat.run import Run, RunState
from tests.puppet import Heart, Puppets, heart

pytestmark = pytest.mark.anyio


class FakeSocket:
    """An accepted socket whose client says nothing, and reads nothing while `stuck` is set."""

    def __init__(self, subject: Subject = ANONYMOUS, *, stuck: bool = False) -> None:
        self.scope = {"state": {"subject": subject}}
        self.headers: dict[str, str] = {}
        self.stuck = stuck
        self.sent: list[Mapping[str, Any]] = []
        self.news = asyncio.Event()

    async def accept(self) -> None:
        pass

    async def receive(self) -> Mapping[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(self, message: Mapping[str, Any]) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        self.sent.append(message)
        self.news.set()

    async def next(self) -> None:
        """Return when one message more was sent."""
        self.news.clear()
        await self.news.wait()

    async def until(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """The messages of that kind, as soon as there are that many."""
        while len(found := [m for m in self.messages if m["type"] == kind]) < count:
            await self.next()
        return found

    @property
    def messages(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(m["text"]) for m in self.sent if m["type"] == "websocket.send"]

    @property
    def closed(self) -> tuple[int, str] | None:
        return next(((m["code"], m["reason"]) for m in self.sent if m["type"] == "websocket.close"), None)


def feed_of(h: Heart, **options: float) -> StatusFeed:
    feed = StatusFeed(h.chat, Puppets(h.puppet), **options)
    h.observers.add(feed)
    return feed


def serving(
    feed: StatusFeed, socket: FakeSocket, connections: OpenConnections, send_s: float = 20
) -> asyncio.Task[None]:
    sockets = StatusSockets(feed, connections, send_s=send_s)
    return asyncio.create_task(sockets.serve(socket))  # type: ignore[arg-type]


def telling() -> list[asyncio.Task[object]]:
    """The feed's task, while there is one."""
    return [task for task in asyncio.all_tasks() if task.get_name() == "status-feed"]


async def begun(h: Heart, number: int, owner: str = "") -> Run:
    run = await h.chat.send(owner, SendRequest("hi"))
    await h.puppet.call(number)
    return run


async def test_a_status_comes_on_connect_and_again_and_again(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        feed, socket, connections = feed_of(h, pace_s=0.001, status_s=0.002), FakeSocket(), OpenConnections()
        task = serving(feed, socket, connections)
        first, *_ = await socket.until("status", 3)
        connections.close_where(lambda _: True)
        await task
        await feed.aclose()

    assert first.keys() == {"type", "providers", "default", "timestamp"}
    assert [provider["name"] for provider in first["providers"]] == ["puppet"]
    assert socket.closed == (1008, "The key is no longer valid.")


async def test_the_figures_of_a_run_come_while_it_goes_on_and_once_at_its_end(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        feed, socket = feed_of(h, pace_s=0.001), FakeSocket()
        h.providers.cost = 0.25
        task = serving(feed, socket, OpenConnections())
        await socket.until("status")
        run = await begun(h, 0)
        (await h.puppet.call(0)).say("one ", "two ")
        while not any(m["tokens"] == 2 for m in await socket.until("generation_stats")):
            await socket.next()
        (await h.puppet.call(0)).finish("three")
        await run.wait_ended()
        while socket.messages[-1].get("state") != "completed":
            await socket.next()
        # It would be told of again beside the next one, which is told of every millisecond.
        next_run = await begun(h, 1)
        await socket.until("generation_stats", len(socket.messages) + 5)
        (await h.puppet.call(1)).finish("and on")
        await next_run.wait_ended()
        task.cancel()
        await feed.aclose()

    stats = [m for m in socket.messages if m.get("run_id") == run.run_id]
    assert [m["state"] for m in stats].count("completed") == 1
    assert stats[-1] == {
        "type": "generation_stats",
        "run_id": run.run_id,
        "chat_id": run.record.chat_id,
        "state": "completed",
        "provider": "puppet",
        "model": "wood",
        "tokens": 3,
        "tokens_per_second": run.reply.figures.stats.tokens_per_second,
        "time_to_first_token_ms": run.reply.figures.stats.time_to_first_token_ms,
        "elapsed_ms": run.reply.figures.stats.elapsed_ms,
        "estimated": True,
        "error": None,
        "cost_usd": 0.25,
    }
    assert stats[0]["cost_usd"] is None


async def test_a_socket_is_told_of_its_owners_runs_only(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        feed, outboxes = feed_of(h, pace_s=0.001), {}
        with feed.outbox("alice") as outboxes["alice"], feed.outbox("bob") as outboxes["bob"]:
            run = await begun(h, 0, "alice")
            (await h.puppet.call(0)).finish("yes")
            await run.wait_ended()
            told = {owner: b"".join(await outbox.take()) for owner, outbox in outboxes.items()}
        await feed.aclose()

    assert run.run_id.encode() in told["alice"]
    assert run.run_id.encode() not in told["bob"]


async def test_a_socket_that_never_reads_is_closed_and_holds_no_run_up(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        feed, socket = feed_of(h, pace_s=0.001), FakeSocket(stuck=True)
        task = serving(feed, socket, OpenConnections(), send_s=0.01)
        run = await begun(h, 0)
        (await h.puppet.call(0)).finish("yes")
        await run.wait_ended()

        assert run.state is RunState.COMPLETED
        await task
        await feed.aclose()


async def test_without_a_socket_nothing_is_done(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        feed = feed_of(h, pace_s=0.001)
        with feed.outbox(""):
            pass
        await asyncio.gather(*telling())
        run = await begun(h, 0)
        (await h.puppet.call(0)).finish("yes")
        await run.wait_ended()
        feed.state_changed("puppet", ProviderState.HEALTHY, ProviderState.UNHEALTHY, None)

        assert not telling()


async def test_every_change_of_a_state_is_told_in_order(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        feed = feed_of(h)
        with feed.outbox("") as outbox:
            up, down = ProviderState.HEALTHY, ProviderState.UNHEALTHY
            feed.state_changed("puppet", up, down, "it broke")
            feed.state_changed("puppet", down, up, None)
            _, *changes = map(msgspec.json.decode, await outbox.take())
        await feed.aclose()

    assert [{**change, "timestamp": ""} for change in changes] == [
        {
            "type": "state_change",
            "provider": "puppet",
            "old": "HEALTHY",
            "new": "UNHEALTHY",
            "error": "it broke",
            "timestamp": "",
        },
        {
            "type": "state_change",
            "provider": "puppet",
            "old": "UNHEALTHY",
            "new": "HEALTHY",
            "error": None,
            "timestamp": "",
        },
    ]


async def test_what_was_not_taken_is_replaced_by_what_is_newer() -> None:
    outbox = Outbox("")
    for number in range(5000):
        outbox.put("status", b"%d" % number)

    assert await outbox.take() == [b"4999"]


async def test_each_of_very_many_runs_has_its_row_and_closes_no_socket() -> None:
    outbox = Outbox("")
    for _ in range(10):
        for number in range(5000):
            outbox.put(f"run_{number}", b"x" * 350)

    assert outbox.ending is None
    assert len(await outbox.take()) == 5000


async def test_an_outbox_that_nobody_empties_is_bounded() -> None:
    outbox = Outbox("")
    for number in range(9):
        outbox.put(number, b"x" * 2**20)

    assert outbox.ending == (TOO_SLOW, "Read faster.")
    assert await outbox.take() == []


async def test_a_dead_credential_takes_its_own_connections_with_it_and_no_others() -> None:
    connections, closed = OpenConnections(), list[str]()
    alice, bob = (Subject(name, name, ANONYMOUS.role) for name in ("alice", "bob"))
    with (
        connections.registered("stream", alice, lambda: closed.append("alice")),
        connections.registered("socket", bob, lambda: closed.append("bob")),
    ):
        assert (connections.count("stream"), connections.count("socket")) == (1, 1)
        assert connections.close_where(lambda subject: subject.name == "alice") == 1

    assert (closed, connections.count("stream")) == (["alice"], 0)
