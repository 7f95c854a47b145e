"""Runs that end when nobody follows them any more, and those that do not."""

import asyncio
from contextlib import ExitStack
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from chatkeep.chat.continuation import ContinueRequest
from chatkeep.chat.messages import OnLeave, SendRequest
from chatkeep.chat.run import Run, RunState
from chatkeep.chat.unstored import GenerateRequest
from chatkeep.errors import ProviderFailed
from tests.puppet import Heart, heart

pytestmark = pytest.mark.anyio

LONG_S = 600.0


async def speaking(h: Heart, on_leave: OnLeave = "cancel") -> Run:
    """A run that has said something, alone in its chat."""
    number = len(h.puppet.calls)
    run = await h.chat.send("", SendRequest("hi", on_leave=on_leave))
    (await h.puppet.call(number)).say("so far")
    while not run.visible_text:
        await run.changed()
    return run


async def test_a_run_that_was_told_to_is_stopped_when_its_last_follower_leaves_and_keeps_its_text(
    tmp_path: Path,
) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0
        run = await speaking(h)
        with h.chat.followers.following(run), h.chat.followers.following(run):
            pass
        await run.wait_ended()

        assert (run.state, run.reply.finish_reason, h.puppet.calls[0].closed) == (RunState.STOPPED, "stopped", True)
        reply = (await h.chat.history("", run.record.chat_id)).messages[-1]
    assert (reply.text, reply.status) == ("so far", "stopped")


async def test_while_anybody_follows_it_goes_on(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0
        run = await speaking(h)
        with h.chat.followers.following(run):
            with h.chat.followers.following(run):
                pass
            for _ in range(10):
                await asyncio.sleep(0)
            assert run.ending is None
        await run.wait_ended()

    assert run.state is RunState.STOPPED


async def moment_over(h: Heart) -> None:
    """Return when a moment to come back that has begun before is over."""
    over = asyncio.Event()
    asyncio.get_running_loop().call_later(h.chat.followers.grace_s, over.set)
    await over.wait()


async def test_who_comes_back_within_a_moment_finds_it_going_on(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0.02
        run = await speaking(h)
        with h.chat.followers.following(run):
            pass
        with h.chat.followers.following(run):
            await moment_over(h)
            assert run.ending is None
            (await h.puppet.call(0)).finish(" and on")
            await run.wait_ended()

    assert (run.state, run.reply.text) == (RunState.COMPLETED, "so far and on")


async def test_a_run_goes_on_without_anybody_unless_it_was_told_otherwise(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0
        run = await speaking(h, "continue")
        with h.chat.followers.following(run):
            pass
        for _ in range(10):
            await asyncio.sleep(0)
        assert run.ending is None
        (await h.puppet.call(0)).finish(" and on")
        await run.wait_ended()

    assert run.state is RunState.COMPLETED


async def test_one_that_nobody_has_followed_yet_goes_on(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0
        run = await speaking(h)
        for _ in range(10):
            await asyncio.sleep(0)
        assert run.ending is None


async def test_one_that_waits_in_its_lane_ends_unasked_when_its_place_comes(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0
        first = await speaking(h)
        waiting = await h.chat.send("", SendRequest("next", chat_id=first.record.chat_id, on_leave="cancel"))
        with h.chat.followers.following(waiting):
            pass
        while waiting.state is not RunState.STOPPED:
            await asyncio.sleep(0)
        (await h.puppet.call(0)).finish()
        await waiting.wait_ended()

        assert (first.state, len(h.puppet.calls)) == (RunState.COMPLETED, 1)


async def test_a_generation_outside_any_chat_and_a_continuation_can_be_told_to(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0
        failed = await h.chat.send("", SendRequest("hi", chat_id="chat"))
        (await h.puppet.call(0)).fail(ProviderFailed("it broke"))
        await failed.wait_ended()
        runs = [
            await h.chat.generate("", GenerateRequest("hi", on_leave="cancel")),
            await h.chat.continue_reply("", ContinueRequest("chat", on_leave="cancel")),
        ]
        await h.puppet.call(2)
        for run in runs:
            with h.chat.followers.following(run):
                pass
            await run.wait_ended()

    assert [run.state for run in runs] == [RunState.STOPPED, RunState.STOPPED]


@pytest.mark.parametrize("when", ["after", "before"])
async def test_nobody_leaves_a_run_that_has_ended_or_ends_within_the_moment(tmp_path: Path, when: str) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = 0.02
        run = await speaking(h)
        with capture_logs() as logged:
            with ExitStack() as following:
                following.enter_context(h.chat.followers.following(run))
                if when == "before":
                    following.close()
                (await h.puppet.call(0)).finish()
                await run.wait_ended()
            await moment_over(h)

    assert run.state is RunState.COMPLETED
    assert "run_left" not in [entry["event"] for entry in logged]


async def test_a_server_that_stops_does_not_wait_for_who_might_come_back(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.chat.followers.grace_s = LONG_S
        run = await speaking(h)
        with ExitStack() as leaving:
            leaving.enter_context(h.chat.followers.following(run))

    assert run.state is RunState.INTERRUPTED
