"""The history of prompts and replies: stored ones and those that go on, newest first."""

from pathlib import Path

import msgspec
import pytest

from chatkeep.chat.messages import SendRequest
from chatkeep.chat.run import Run
from chatkeep.errors import ProviderFailed, RunNotFound
from tests.puppet import Heart, heart

pytestmark = pytest.mark.anyio


async def sent(h: Heart, message: str, chat_id: str | None = None, **more: object) -> Run:
    request = msgspec.convert({"message": message, "chat_id": chat_id, **more}, SendRequest)
    return await h.chat.send("alice", request)


async def answered(h: Heart, number: int, chat_id: str | None = None) -> Run:
    run = await sent(h, f"question {number}", chat_id)
    (await h.puppet.call(number)).finish(f"answer {number}")
    await run.wait_ended()
    return run


async def test_every_turn_of_every_chat_is_there_newest_first(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        runs = [await answered(h, number, chat_id) for number, chat_id in enumerate(["a", "b", "a", None])]
        page = await h.chat.exchanges("alice", limit=10, offset=0)

        assert [exchange.run_id for exchange in page] == [run.run_id for run in reversed(runs)]
        assert [(exchange.prompt, exchange.response) for exchange in page][:2] == [
            ("question 3", "answer 3"),
            ("question 2", "answer 2"),
        ]
        assert {exchange.status for exchange in page} == {"complete"}
        for limit in (1, 2, 3):
            paged = [
                exchange
                for offset in range(0, 4, limit)
                for exchange in await h.chat.exchanges("alice", limit=limit, offset=offset)
            ]
            assert paged == page
        assert [await h.chat.exchange("alice", exchange.run_id) for exchange in page] == page
        assert await h.chat.exchanges("alice", limit=10, offset=4) == []


async def test_nobody_sees_those_of_others(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        kept, going = await answered(h, 0), await sent(h, "more")

        assert await h.chat.exchanges("bob", limit=10, offset=0) == []
        for run in (kept, going):
            with pytest.raises(RunNotFound):
                await h.chat.exchange("bob", run.run_id)


async def test_turns_that_go_on_are_there_with_the_text_so_far(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        going, waiting = await sent(h, "one", "a"), await sent(h, "two", "a")
        (await h.puppet.call(0)).say("so ", "far")
        while going.visible_text != "so far":
            await going.changed()

        page = await h.chat.exchanges("alice", limit=10, offset=0)

        assert [(row.prompt, row.response, row.status) for row in page] == [
            ("two", "", "queued"),
            ("one", "so far", "running"),
        ]
        assert [await h.chat.exchange("alice", run.run_id) for run in (waiting, going)] == page
        assert (await h.chat.exchanges("alice", limit=1, offset=1)) == page[1:]


async def test_partial_replies_are_there_and_shown_as_such(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        failed = await sent(h, "fail")
        call = await h.puppet.call(0)
        call.say("half")
        call.fail(ProviderFailed("it broke"))
        await failed.wait_ended()
        stopped = await sent(h, "stop")
        (await h.puppet.call(1)).say("some")
        while not stopped.visible_text:
            await stopped.changed()
        await h.chat.stop("alice", stopped.run_id)
        interrupted = await sent(h, "interrupt")
        (await h.puppet.call(2)).say("a bit")
        while not interrupted.visible_text:
            await interrupted.changed()
    async with heart(tmp_path) as h:
        page = await h.chat.exchanges("alice", limit=10, offset=0)

    assert [(row.response, row.status) for row in page] == [
        ("a bit", "interrupted"),
        ("some", "stopped"),
        ("half", "failed"),
    ]


async def test_a_turn_that_was_rolled_back_or_deleted_is_gone(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await sent(h, "drop me", "a")
        await h.puppet.call(0)
        second = await sent(h, "instead", "a", if_busy="rollback")
        (await h.puppet.call(1)).finish("yes")
        await second.wait_ended()

        assert [row.run_id for row in await h.chat.exchanges("alice", limit=10, offset=0)] == [second.run_id]
        with pytest.raises(RunNotFound):
            await h.chat.exchange("alice", first.run_id)
        await h.chat.delete("alice", "a", purge=False)
        assert await h.chat.exchanges("alice", limit=10, offset=0) == []
        with pytest.raises(RunNotFound):
            await h.chat.exchange("alice", second.run_id)


async def test_a_chat_that_cannot_be_read_hides_its_own_turns_only(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await answered(h, 0, "broken")
        whole = await answered(h, 1, "whole")
        (tmp_path / "@alice" / "broken.json").write_bytes(b"{")

        page = await h.chat.exchanges("alice", limit=10, offset=0)

    assert [row.run_id for row in page] == [whole.run_id]
