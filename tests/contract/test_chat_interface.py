"""The one door, on a real folder, with a provider whose every word the test decides."""

import asyncio
import json
from pathlib import Path

import msgspec
import pytest

from chatkeep.chat.events import Delta, Reasoning, UsageReport
from chatkeep.chat.messages import SendRequest
from chatkeep.chat.model import ChatKey, Idempotency, ToolCall, Usage
from chatkeep.chat.run import RunState
from chatkeep.errors import (
    ChatBusy,
    ChatNotFound,
    ContextTooLong,
    IdempotencyMismatch,
    InvalidChatId,
    InvalidRequest,
    ProviderFailed,
    ProviderNotFound,
    RunNotFound,
    ShuttingDown,
    StorageFull,
)
from tests.puppet import LIMITS, heart, numbers

pytestmark = pytest.mark.anyio


def ask(message: str = "hi", chat_id: str = "chat", **more: object) -> SendRequest:
    return msgspec.convert({"message": message, "chat_id": chat_id, **more}, SendRequest)


async def test_a_turn_is_in_its_chat_when_the_run_has_ended(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask("What is it?"))
        (await h.puppet.call(0)).finish("It ", "is.")
        await run.wait_ended()

        chat = (await h.chat.history("", "chat")).chat

    assert [(m.role, m.text) for m in chat.messages] == [
        ("system", "Be brief."),
        ("user", "What is it?"),
        ("assistant", "It is."),
    ]
    assert (chat.title, chat.revision, chat.messages[2].status) == ("What is it?", 1, "complete")


async def test_the_message_is_in_the_journal_before_the_provider_is_called(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask("keep me"))

        assert h.puppet.calls == []
        assert b"keep me" in (tmp_path / ".chatkeep" / "runs" / f"{run.run_id}.jsonl").read_bytes()


async def test_the_reply_is_in_the_file_before_done_is_seen(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        (await h.puppet.call(0)).finish("the reply")
        while b"event: done" not in run.piece_after(-1)[0]:
            await run.changed()

        assert b"the reply" in (tmp_path / "chat.json").read_bytes()


async def test_the_next_turn_gets_the_earlier_ones_as_context(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        (run, call) = (await h.chat.send("", ask("one")), await h.puppet.call(0))
        call.finish("first")
        await run.wait_ended()
        await h.chat.send("", ask("two"))

        request = (await h.puppet.call(1)).request

    assert [(m.role, m.content) for m in request.messages] == [
        ("system", "Be brief."),
        ("user", "one"),
        ("assistant", "first"),
        ("user", "two"),
    ]


async def test_stop_closes_the_provider_and_keeps_the_partial_reply(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        call = await h.puppet.call(0)
        call.say("half a ")
        while run.visible_text != "half a ":
            await run.changed()

        await h.chat.stop("", run.run_id)

        reply = (await h.chat.history("", "chat")).messages[-1]
    assert call.closed
    assert (run.state, reply.text, reply.status, reply.finish_reason) == (
        RunState.STOPPED,
        "half a ",
        "stopped",
        "stopped",
    )


async def test_stopping_a_finished_run_changes_nothing(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        (await h.puppet.call(0)).finish("done")
        await run.wait_ended()

        stopped = await h.chat.stop("", run.run_id)

    assert stopped.state is RunState.COMPLETED


async def test_a_run_stopped_before_its_first_step_ends(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())

        await h.chat.stop("", run.run_id)

        assert run.state is RunState.STOPPED
        assert (await h.chat.history("", "chat")).messages[1].text == "hi"


async def test_a_failure_keeps_the_partial_and_the_question(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask("keep this"))
        call = await h.puppet.call(0)
        call.say("so far")
        call.fail(ProviderFailed("broken"))
        await run.wait_ended()

        messages = (await h.chat.history("", "chat")).messages
    assert run.problem is not None
    assert (run.problem.code, run.problem.partial) == ("provider_error", "so far")
    assert [m.text for m in messages[1:]] == ["keep this", "so far"]
    assert (messages[2].status, messages[2].error) == ("failed", "provider_error")
    assert isinstance(h.puppet.reports[-1], ProviderFailed)


async def test_a_stream_that_ends_without_its_end_is_a_failure(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        call = await h.puppet.call(0)
        call.say("cut he")
        call.cut()
        await run.wait_ended()

    assert run.state is RunState.FAILED
    assert run.reply.text == "cut he"


async def test_a_provider_that_breaks_in_an_unknown_way_ends_the_run_once(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        (await h.puppet.call(0)).fail(ZeroDivisionError())
        await run.wait_ended()

    assert run.problem is not None
    assert run.problem.code == "internal_error"


async def test_text_that_cannot_be_encoded_ends_the_run_and_keeps_what_was_before_it(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        (await h.puppet.call(0)).say("good ", "\ud800", "late")
        await run.wait_ended()

        reply = (await h.chat.history("", "chat")).messages[-1]
    assert (run.state, reply.text, reply.status) == (RunState.FAILED, "good ", "failed")


async def test_a_reply_beyond_the_limit_is_cut_with_reason_length(tmp_path: Path) -> None:
    async with heart(tmp_path, msgspec.structs.replace(LIMITS, max_output_chars=10)) as h:
        run = await h.chat.send("", ask())
        call = await h.puppet.call(0)
        call.say("12345", "67890", "1", "2", "3")
        await run.wait_ended()

    assert call.closed
    assert (run.state, run.reply.finish_reason, run.reply.text) == (RunState.COMPLETED, "length", "12345678901")


async def test_a_model_stuck_in_a_loop_is_stopped_and_its_text_kept(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        (await h.puppet.call(0)).say(*["again "] * 500)
        await run.wait_ended()

    assert (run.state, run.reply.finish_reason) == (RunState.COMPLETED, "loop")
    assert len(run.reply.text) < 3000


async def test_a_loop_in_the_reasoning_ends_the_run_whatever_text_comes_between(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        call = await h.puppet.call(0)
        for number in range(500):
            call.queue.put_nowait(Reasoning("again "))
            call.say(f"{number * number} ")
        await run.wait_ended()

    assert (run.state, run.reply.finish_reason) == (RunState.COMPLETED, "loop")
    assert 400 <= len("".join(run.reply.reasoning)) <= 412


async def test_a_phrase_that_the_reasoning_and_the_text_each_say_too_seldom_is_no_loop(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        call = await h.puppet.call(0)
        for _ in range(60):
            call.queue.put_nowait(Reasoning("again "))
            call.say("again ")
        call.finish()
        await run.wait_ended()

    assert run.reply.finish_reason == "stop"


async def test_silence_beyond_the_limit_is_a_timeout_with_the_partial_kept(tmp_path: Path) -> None:
    async with heart(tmp_path, msgspec.structs.replace(LIMITS, stall_s=0.05)) as h:
        run = await h.chat.send("", ask())
        (await h.puppet.call(0)).say("and then")
        await run.wait_ended()

    assert run.problem is not None
    assert (run.problem.code, run.problem.partial) == ("provider_timeout", "and then")


async def test_a_second_message_waits_for_the_first_and_sees_its_reply(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await h.chat.send("", ask("one"))
        second = await h.chat.send("", ask("two"))
        call = await h.puppet.call(0)
        assert second.state is RunState.QUEUED

        call.finish("first")
        after = await h.puppet.call(1)

    assert [m.content for m in after.request.messages[1:]] == ["one", "first", "two"]


async def test_reject_refuses_a_busy_chat_and_writes_nothing(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await h.chat.send("", ask("one"))

        with pytest.raises(ChatBusy):
            await h.chat.send("", ask("two", if_busy="reject"))

        assert len(list((tmp_path / ".chatkeep" / "runs").iterdir())) == 1


async def test_interrupt_stops_the_run_and_keeps_its_partial(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await h.chat.send("", ask("one"))
        (await h.puppet.call(0)).say("partial")
        while first.visible_text != "partial":
            await first.changed()
        await h.chat.send("", ask("two", if_busy="interrupt"))

        after = await h.puppet.call(1)

    assert first.state is RunState.STOPPED
    assert [m.content for m in after.request.messages[1:]] == ["one", "partial", "two"]


async def test_rollback_stops_the_run_and_drops_its_turn(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await h.chat.send("", ask("one"))
        (await h.puppet.call(0)).say("partial")
        while first.visible_text != "partial":
            await first.changed()
        second = await h.chat.send("", ask("two", if_busy="rollback"))
        (await h.puppet.call(1)).finish("only this")
        await second.wait_ended()

        messages = (await h.chat.history("", "chat")).messages

    assert [m.text for m in messages[1:]] == ["two", "only this"]


async def test_a_queued_run_that_is_stopped_keeps_its_message_in_order(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await h.chat.send("", ask("one"))
        second = await h.chat.send("", ask("two"))
        call = await h.puppet.call(0)

        assert (await h.chat.stop("", second.run_id)).state is RunState.STOPPED
        call.finish("first")
        await second.wait_ended()

        messages = (await h.chat.history("", "chat")).messages
    assert first.state is RunState.COMPLETED
    assert [m.text for m in messages[1:]] == ["one", "first", "two", ""]


async def test_runs_in_different_chats_go_side_by_side(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await h.chat.send("", ask(chat_id="one"))
        await h.chat.send("", ask(chat_id="two"))

        assert (await h.puppet.call(1)).request.messages[-1].content == "hi"


async def test_the_same_idempotency_key_gives_the_same_run_also_when_both_come_at_once(tmp_path: Path) -> None:
    key = Idempotency("k" * 64, "b" * 64)
    async with heart(tmp_path) as h:
        first, second = await asyncio.gather(h.chat.send("", ask(), key), h.chat.send("", ask(), key))
        (await h.puppet.call(0)).finish("once")
        await first.wait_ended()

        assert first is second
        assert len(h.puppet.calls) == 1


async def test_the_same_key_with_another_body_is_refused(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await h.chat.send("", ask(), Idempotency("k" * 64, "b" * 64))

        with pytest.raises(IdempotencyMismatch):
            await h.chat.send("", ask(), Idempotency("k" * 64, "c" * 64))


async def test_an_idempotency_key_is_known_after_a_restart_and_without_the_index(tmp_path: Path) -> None:
    key = Idempotency("k" * 64, "b" * 64)
    async with heart(tmp_path) as h:
        first = await h.chat.send("", ask(), key)
        (await h.puppet.call(0)).finish("once")
        await first.wait_ended()
    (tmp_path / ".chatkeep" / "index.sqlite3").unlink()

    async with heart(tmp_path) as h:
        again = await h.chat.send("", ask(), key)

        assert (again.run_id, again.reply.text, h.puppet.calls) == (first.run_id, "once", [])


async def test_a_live_turn_and_the_stored_messages_are_of_the_same_instant(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask("question"))
        (await h.puppet.call(0)).say("so ", "far")
        while run.visible_text != "so far":
            await run.changed()

        found = await h.chat.history("", "chat")

        assert found.active is not None
        assert found.active.user is not None
        assert (found.active.run_id, found.active.user.text) == (run.run_id, "question")
        assert (found.active.text, found.active.last_event_id) == ("so far", run.last_event_id)
        assert [m.role for m in found.messages] == ["system"]


async def test_history_is_paged_backwards_from_a_message(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        for number in range(3):
            run = await h.chat.send("", ask(f"q{number}"))
            (await h.puppet.call(number)).finish(f"a{number}")
            await run.wait_ended()

        last = await h.chat.history("", "chat", limit=2)
        before = await h.chat.history("", "chat", limit=2, before=last.messages[0].id)

        assert [m.text for m in last.messages] == ["q2", "a2"]
        assert [m.text for m in before.messages] == ["q1", "a1"]
        assert before.has_more
        with pytest.raises(InvalidRequest):
            await h.chat.history("", "chat", before="msg_unknown")


async def test_a_chat_that_begins_is_listed_with_its_run(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask("new one"))
        await h.puppet.call(0)

        page, following = await h.chat.chats("", limit=10, cursor=None)

        assert [(row.chat_id, row.title, active) for row, active in page] == [("chat", "new one", run.run_id)]
        assert following is None


async def test_a_chat_is_listed_from_when_its_first_message_was_taken_on(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await h.chat.send("", ask("new one"))
        assert h.puppet.calls == []

        page, _ = await h.chat.chats("", limit=10, cursor=None)

        assert [row.title for row, _ in page] == ["new one"]


async def test_another_owner_sees_neither_chats_nor_runs(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("alice", ask("private"))
        (await h.puppet.call(0)).finish("secret")
        await run.wait_ended()

        assert (tmp_path / "@alice" / "chat.json").exists()
        with pytest.raises(RunNotFound):
            await h.chat.run("bob", run.run_id)
        with pytest.raises(RunNotFound):
            await h.chat.stop("bob", run.run_id)
        for look in (h.chat.history("bob", "chat"), h.chat.delete("bob", "chat", purge=True)):
            with pytest.raises(ChatNotFound):
                await look
        assert await h.chat.chats("bob", limit=10, cursor=None) == ([], None)
        assert (await h.chat.run("alice", run.run_id)) is run


@pytest.mark.parametrize("purge", [False, True])
async def test_a_deleted_chat_is_gone_with_its_runs_and_its_live_run_is_stopped(tmp_path: Path, purge: bool) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask("bye"))
        call = await h.puppet.call(0)

        await h.chat.delete("", "chat", purge=purge)

        assert call.closed
        with pytest.raises(ChatNotFound):
            await h.chat.history("", "chat")
        with pytest.raises(RunNotFound):
            await h.chat.run("", run.run_id)
        trash = list((tmp_path / ".chatkeep" / "trash").iterdir())
        assert len(trash) == (0 if purge else 1)
        assert list((tmp_path / ".chatkeep" / "runs").iterdir()) == []


async def test_the_system_prompt_of_a_request_begins_a_new_chat_and_rules_one_turn_of_an_old_one(
    tmp_path: Path,
) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask(system_prompt="Be a pirate."))
        (await h.puppet.call(0)).finish("Arr.")
        await run.wait_ended()
        run = await h.chat.send("", ask(system_prompt="Be a poet."))
        (await h.puppet.call(1)).finish("Ah.")
        await run.wait_ended()
        await h.chat.send("", ask())
        await h.puppet.call(2)

    assert [call.request.messages[0].content for call in h.puppet.calls] == [
        "Be a pirate.",
        "Be a poet.",
        "Be a pirate.",
    ]


async def test_tool_calls_and_figures_are_stored_with_the_reply(tmp_path: Path) -> None:
    tool_call = ToolCall("call_1", "look", '{"at": "it"}')
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        call = await h.puppet.call(0)
        call.queue.put_nowait(tool_call)
        call.queue.put_nowait(Delta(""))
        call.finish(reason="tool_calls")
        await run.wait_ended()

        reply = (await h.chat.history("", "chat")).messages[-1]
    assert (reply.tool_calls, reply.finish_reason) == ([tool_call], "tool_calls")
    assert reply.usage is not None
    assert reply.usage.estimated


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (ask(chat_id="../x"), InvalidChatId),
        (ask(provider="nobody"), ProviderNotFound),
        (ask("x" * 10_000), ContextTooLong),
    ],
)
async def test_a_request_that_cannot_be_served_writes_nothing(
    tmp_path: Path, request_: SendRequest, error: type[Exception]
) -> None:
    async with heart(tmp_path) as h:
        h.puppet.window = 1000
        before = sorted(tmp_path.rglob("*.json*"))

        with pytest.raises(error):
            await h.chat.send("", request_)

        assert sorted(tmp_path.rglob("*.json*")) == before


async def test_a_server_that_stops_takes_no_new_runs_and_lets_old_ones_end(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        call = await h.puppet.call(0)
        draining = asyncio.create_task(h.chat.drain(60))
        await asyncio.sleep(0)

        with pytest.raises(ShuttingDown):
            await h.chat.send("", ask())
        call.finish("in time")
        await draining

    assert (run.state, run.reply.text) == (RunState.COMPLETED, "in time")


async def test_runs_that_do_not_end_in_time_are_sealed_as_interrupted(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        going = await h.chat.send("", ask("one"))
        waiting = await h.chat.send("", ask("two"))
        (await h.puppet.call(0)).say("half")
        while going.visible_text != "half":
            await going.changed()

        await h.chat.drain(0)

    async with heart(tmp_path) as h:
        messages = (await h.chat.history("", "chat")).messages
        again = await h.chat.run("", going.run_id)
    assert [(m.text, m.status) for m in messages[1:]] == [
        ("one", None),
        ("half", "interrupted"),
        ("two", None),
        ("", "interrupted"),
    ]
    assert (again.state, waiting.state) == (RunState.INTERRUPTED, RunState.INTERRUPTED)
    assert again.piece_after(-1)[0] == going.piece_after(-1)[0]


async def test_a_finished_run_answers_from_its_journal_and_later_from_its_chat(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        (await h.puppet.call(0)).finish("the ", "text")
        await run.wait_ended()

    async with heart(tmp_path) as h:
        kept = await h.chat.run("", run.run_id)
    (tmp_path / ".chatkeep" / "runs" / f"{run.run_id}.jsonl").unlink()
    async with heart(tmp_path) as h:
        anew = await h.chat.run("", run.run_id)

    assert kept.piece_after(-1)[0] == run.piece_after(-1)[0]
    assert (kept.replayable, anew.replayable) == (True, False)
    assert numbers(anew.piece_after(-1)[0]) == [0, 1, 2]
    assert anew.visible_text == "the text"


FULL = StorageFull("The disk is full.")


async def test_a_turn_that_the_disk_refused_is_in_its_chat_after_a_restart(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.store.refusal = FULL
        run = await h.chat.send("", ask("keep me"))
        (await h.puppet.call(0)).finish("one ", "two ", "three")
        await run.wait_ended()
        assert run.problem is not None
        assert (run.problem.code, run.problem.partial) == ("storage_full", "one two three")

    async with heart(tmp_path) as h:
        messages = (await h.chat.history("", "chat")).messages
        again = await h.chat.run("", run.run_id)
    assert [m.text for m in messages[1:]] == ["keep me", "one two three"]
    assert again.ended


async def test_a_turn_that_the_disk_refused_is_sealed_when_there_is_room_before_later_ones(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.store.refusal = FULL
        first = await h.chat.send("", ask("first"))
        second = await h.chat.send("", ask("second"))
        call = await h.puppet.call(0)
        await h.chat.stop("", second.run_id)
        call.finish("a")
        await first.wait_ended()

        h.store.refusal = None
        third = await h.chat.send("", ask("third"))
        (await h.puppet.call(1)).finish("c")
        await third.wait_ended()

        messages = (await h.chat.history("", "chat")).messages
    assert [m.text for m in messages[1:]] == ["first", "a", "second", "", "third", "c"]


async def test_a_message_that_comes_while_its_chat_is_deleted_keeps_its_run_and_begins_the_chat_anew(
    tmp_path: Path,
) -> None:
    async with heart(tmp_path) as h:
        first = await h.chat.send("", SendRequest("one", "chat"))
        (await h.puppet.call(0)).finish("1")
        await first.wait_ended()
        async with h.store.editing(ChatKey("", "chat")):
            deleting = asyncio.create_task(h.chat.delete("", "chat", purge=False))
            await asyncio.sleep(0)
            later = await h.chat.send("", SendRequest("two", "chat"))
        await deleting

        assert await h.store.log.read(later.run_id) is not None
        assert await h.chat.run("", later.run_id) is later
        (await h.puppet.call(1)).finish("2")
        await later.wait_ended()
        texts = [message.text for message in (await h.chat.history("", "chat")).messages]
        assert texts == ["Be brief.", "two", "2"]


async def test_a_chat_whose_file_names_the_run_of_another_one_takes_nothing_of_it_along(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        going = await h.chat.send("alice", SendRequest("one", "chat"))
        await h.puppet.call(0)
        reply = {"role": "assistant", "content": "mine", "run_id": going.run_id}
        await h.chat.import_file("mallory", json.dumps({"messages": [reply]}).encode(), "chat")

        await h.chat.delete("mallory", "chat", purge=True)

        assert await h.chat.run("alice", going.run_id) is going
        assert await h.store.log.read(going.run_id) is not None


async def test_a_chat_whose_only_turn_the_disk_refused_can_be_deleted_and_does_not_come_back(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.store.refusal = FULL
        run = await h.chat.send("", ask("forget me"))
        (await h.puppet.call(0)).finish("a")
        await run.wait_ended()

        await h.chat.delete("", "chat", purge=True)

    assert list((tmp_path / ".chatkeep" / "runs").iterdir()) == []
    async with heart(tmp_path) as h:
        with pytest.raises(ChatNotFound):
            await h.chat.history("", "chat")


async def test_a_turn_that_was_rolled_back_goes_with_its_chat(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await h.chat.send("", ask("dropped"))
        await h.puppet.call(0)
        second = await h.chat.send("", ask("kept", if_busy="rollback"))
        (await h.puppet.call(1)).finish("a")
        await second.wait_ended()

        await h.chat.delete("", "chat", purge=True)

        with pytest.raises(RunNotFound):
            await h.chat.run("", first.run_id)
        assert list((tmp_path / ".chatkeep" / "runs").iterdir()) == []


async def test_an_idempotency_key_of_a_deleted_chat_is_as_good_as_new(tmp_path: Path) -> None:
    key = Idempotency("k" * 64, "b" * 64)
    async with heart(tmp_path) as h:
        first = await h.chat.send("", ask(), key)
        (await h.puppet.call(0)).finish("a")
        await first.wait_ended()
        await h.chat.delete("", "chat", purge=False)

        again = await h.chat.send("", ask(), key)

        assert again.run_id != first.run_id


async def test_a_count_beyond_all_arithmetic_does_not_keep_a_run_from_ending(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        call = await h.puppet.call(0)
        call.say("text")
        call.queue.put_nowait(UsageReport(Usage(1, 10**400, 10**400)))
        call.finish()
        await run.wait_ended()

    assert run.state.is_final


async def test_a_chat_takes_only_so_many_waiting_messages(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        for _ in range(100):
            await h.chat.send("", ask())

        with pytest.raises(ChatBusy):
            await h.chat.send("", ask())

        await h.chat.drain(0)


async def test_a_page_holds_no_more_chats_than_asked_for(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask(chat_id="stored"))
        (await h.puppet.call(0)).finish("a")
        await run.wait_ended()
        for number in range(4):
            await h.chat.send("", ask(chat_id=f"begun{number}"))
        await h.puppet.call(4)

        one, _ = await h.chat.chats("", limit=1, cursor=None)
        three, _ = await h.chat.chats("", limit=3, cursor=None)

    assert (len(one), len(three)) == (1, 3)


@pytest.mark.parametrize("kept", [1, 2, 3, 4, 5])
async def test_a_replay_has_the_whole_reply_also_when_its_journal_ended_before_its_chat_did(
    tmp_path: Path, kept: int
) -> None:
    """A kill after the chat's file was written, and before the journal's last batch was."""
    async with heart(tmp_path) as h:
        run = await h.chat.send("", ask())
        call = await h.puppet.call(0)
        call.queue.put_nowait(Reasoning("Hm, "))
        call.queue.put_nowait(Reasoning("well."))
        call.finish("It ", "is.")
        await run.wait_ended()
    journal = tmp_path / ".chatkeep" / "runs" / f"{run.run_id}.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) == 7  # the record, start, two of reasoning, two of text, done
    journal.write_bytes(b"".join(lines[: 1 + kept]))

    async with heart(tmp_path) as h:
        again = await h.chat.run("", run.run_id)

    assert again.ended
    assert again.frames[:kept] == run.frames[:kept]
    assert (again.reply.text, "".join(again.reply.reasoning), again.state) == ("It is.", "Hm, well.", "completed")
    assert numbers(again.piece_after(-1)[0]) == list(range(len(again.frames)))
