"""Runs outside any chat: the limits, events and stop of every run, and nothing on disk."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from chatkeep.chat.events import UsageReport
from chatkeep.chat.guard import Limits
from chatkeep.chat.model import Idempotency, Usage
from chatkeep.chat.observe import RunObserver
from chatkeep.chat.run import Run, RunState
from chatkeep.chat.unstored import GenerateRequest
from chatkeep.errors import (
    ContextTooLong,
    IdempotencyMismatch,
    ProviderFailed,
    ProviderNotFound,
    RateLimited,
    RunNotFound,
    ShuttingDown,
)
from tests.puppet import LIMITS, Heart, heart

pytestmark = pytest.mark.anyio


class Seen(RunObserver):
    """A RunObserver that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, RunState]] = []

    def run_taken(self, run: Run) -> None:
        self.told.append(("taken", run.state))

    def run_generating(self, run: Run) -> None:
        self.told.append(("generating", run.state))

    def run_ended(self, run: Run) -> None:
        self.told.append(("ended", run.state))


def files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.suffix in (".json", ".jsonl"))


async def begun(h: Heart, owner: str = "", **fields: object) -> Run:
    return await h.chat.generate(owner, msgspec.convert({"prompt": "hi", **fields}, GenerateRequest))


async def test_a_generation_is_answered_and_leaves_nothing_on_disk(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await begun(h, prompt="What is it?", temperature=0.5, max_tokens=7)
        call = await h.puppet.call(0)
        call.finish("It ", "is.")
        await run.wait_ended()

        assert (run.state, run.reply.text) == (RunState.COMPLETED, "It is.")
        assert [(m.role, m.content) for m in call.request.messages] == [("user", "What is it?")]
        assert (call.request.temperature, call.request.max_tokens) == (0.5, 7)
        assert await h.chat.chats("", limit=10, cursor=None) == ([], None)
        assert await h.chat.exchanges("", limit=10, offset=0) == []
    assert list(files(tmp_path)) == []
    assert h.puppet.reports == [None]


async def test_its_events_name_no_chat(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await begun(h)
        (await h.puppet.call(0)).fail(ProviderFailed("it broke"))
        await run.wait_ended()

    assert b"chat_id" not in run.piece_after(-1)[0]
    assert run.problem is not None
    assert (run.state, run.problem.code) == (RunState.FAILED, "provider_error")


async def test_without_a_count_of_the_provider_its_tokens_are_estimated_and_marked_so(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        ours, theirs = await begun(h), await begun(h)
        (await h.puppet.call(0)).finish("one ", "two")
        call = await h.puppet.call(1)
        call.queue.put_nowait(UsageReport(Usage(5, 6, 11)))
        call.finish("one ", "two")
        await ours.wait_ended()
        await theirs.wait_ended()

    assert ours.reply.usage is not None
    assert (ours.reply.usage.completion_tokens, ours.reply.usage.estimated) == (2, True)
    assert ours.reply.usage.prompt_tokens > 0
    assert theirs.reply.usage == Usage(5, 6, 11, estimated=False)


async def test_it_is_found_by_its_owner_alone_while_it_is_in_memory(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await begun(h, "alice")

        assert await h.chat.run("alice", run.run_id) is run
        assert h.chat.live_runs("alice") == h.chat.live_runs(None) == [run]
        assert h.chat.live_runs("bob") == []
        for call in (h.chat.run, h.chat.stop):
            with pytest.raises(RunNotFound):
                await call("bob", run.run_id)
        with pytest.raises(RunNotFound):
            await h.chat.exchange("alice", run.run_id)


async def test_stop_closes_the_upstream_connection(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await begun(h)
        call = await h.puppet.call(0)
        call.say("so far")
        while not run.visible_text:
            await run.changed()

        await h.chat.stop("", run.run_id)

        assert call.closed
        assert (run.state, run.reply.text, run.reply.finish_reason) == (RunState.STOPPED, "so far", "stopped")
        assert (await h.chat.stop("", run.run_id)).state is RunState.STOPPED


async def test_a_stop_before_the_first_step_ends_it_unasked(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await begun(h)
        await h.chat.stop("", run.run_id)

        assert (run.state, h.puppet.calls) == (RunState.STOPPED, [])


async def test_the_limits_hold(tmp_path: Path) -> None:
    limits: Limits = msgspec.structs.replace(LIMITS, first_token_s=0.01, max_output_chars=10)
    async with heart(tmp_path, limits) as h:
        silent = await begun(h)
        await silent.wait_ended()
        long = await begun(h)
        (await h.puppet.call(1)).say("x" * 11)
        await long.wait_ended()

    assert silent.problem is not None
    assert silent.problem.code == "provider_timeout"
    assert long.reply.finish_reason == "length"


async def test_a_prompt_that_does_not_fit_costs_nothing(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.window = 100
        with pytest.raises(ContextTooLong):
            await begun(h, prompt="word " * 1000)
        with pytest.raises(ProviderNotFound):
            await begun(h, provider="nobody")

        assert h.chat.live_runs(None) == []


async def test_more_than_a_hundred_at_once_of_one_owner_are_refused_with_a_wait(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        runs = [await begun(h, "alice") for _ in range(100)]

        with pytest.raises(RateLimited) as refused:
            await begun(h, "alice")
        await begun(h, "bob")
        await h.chat.stop("alice", runs[0].run_id)
        await begun(h, "alice")

    assert refused.value.retry_after_s == 1.0


async def test_observers_are_told_of_it(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        seen = Seen()
        h.observers.add(seen)
        run = await begun(h)
        (await h.puppet.call(0)).finish("yes")
        await run.wait_ended()

    assert seen.told == [
        ("taken", RunState.QUEUED),
        ("generating", RunState.RUNNING),
        ("ended", RunState.COMPLETED),
    ]


async def test_a_drain_waits_for_it_and_then_interrupts_it(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await begun(h)
        await h.puppet.call(0)
        draining = asyncio.create_task(h.chat.drain(60))
        await asyncio.sleep(0)
        with pytest.raises(ShuttingDown):
            await begun(h)
        assert not draining.done()
        (await h.puppet.call(0)).finish("done")
        await draining
        assert run.state is RunState.COMPLETED
    async with heart(tmp_path) as h:
        run = await begun(h)
        await h.puppet.call(0)
        await h.chat.drain(0)

    assert run.problem is not None
    assert (run.state, run.problem.code) == (RunState.INTERRUPTED, "run_interrupted")


async def test_an_unexpected_error_ends_it_as_failed(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await begun(h)
        (await h.puppet.call(0)).fail(ValueError("a bug"))
        await run.wait_ended()

    assert run.problem is not None
    assert run.problem.code == "internal_error"
    assert h.chat.live_runs(None) == []


async def test_an_idempotency_key_gives_the_same_run_while_it_is_in_memory(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        request, key = GenerateRequest("hi"), Idempotency("k", "b")
        first = await h.chat.generate("", request, key)
        again = await h.chat.generate("", request, key)

        with pytest.raises(IdempotencyMismatch):
            await h.chat.generate("", request, Idempotency("k", "other"))
    assert again is first
