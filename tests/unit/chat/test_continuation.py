"""Going on with a reply that did not come to its end, on a real folder."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chatkeep.chat.continuation import GO_ON, ContinueRequest
from chatkeep.chat.messages import SendRequest
from chatkeep.chat.model import Idempotency
from chatkeep.chat.run import Run, RunState
from chatkeep.errors import (
    ChatBusy,
    ChatkeepError,
    ChatNotFound,
    Conflict,
    ContextTooLong,
    IdempotencyMismatch,
    InvalidRequest,
    ProviderFailed,
    ProviderNotFound,
    RunNotFound,
    StorageFull,
)
from tests.puppet import LIMITS, Call, Heart, heart, numbers

pytestmark = pytest.mark.anyio


def sent_to(call: Call) -> list[tuple[str, object]]:
    """What the provider was asked, without the system prompt."""
    return [(message.role, message.content) for message in call.request.messages if message.role != "system"]


def stored(folder: Path) -> list[dict[str, Any]]:
    """The messages of the chat's file but the system's."""
    messages = json.loads((folder / "chat.json").read_bytes())["messages"]
    return [message for message in messages if message["role"] != "system"]


def shape(folder: Path) -> list[tuple[str, str, str | None]]:
    """Of each stored message the role, the text, and the text of the one it goes on with."""
    messages = stored(folder)
    texts = {message["id"]: message["content"] for message in messages}
    return [(m["role"], m["content"], texts[m["continues"]] if "continues" in m else None) for m in messages]


async def failed(h: Heart, *words: str) -> Run:
    """A turn whose reply fails after `words`."""
    number = len(h.puppet.calls)
    run = await h.chat.send("", SendRequest("Tell me", chat_id="chat"))
    return await failing(await h.puppet.call(number), run, *words)


async def failed_again(h: Heart, *words: str) -> Run:
    """A continuation that fails after `words`."""
    number = len(h.puppet.calls)
    run = await go_on(h)
    return await failing(await h.puppet.call(number), run, *words)


async def failing(call: Call, run: Run, *words: str) -> Run:
    call.say(*words)
    call.fail(ProviderFailed("it broke"))
    await run.wait_ended()
    return run


async def go_on(h: Heart, key: Idempotency | None = None, **more: Any) -> Run:
    request = msgspec.convert({"chat_id": "chat", **more}, ContinueRequest)
    return await h.chat.continue_reply("", request, key)


async def answered(h: Heart, *words: str, **more: Any) -> tuple[Run, Call]:
    """A continuation that comes to its end with `words`, and its call."""
    number = len(h.puppet.calls)
    run = await go_on(h, **more)
    call = await h.puppet.call(number)
    call.finish(*words)
    await run.wait_ended()
    return run, call


async def test_a_model_that_can_goes_on_where_the_reply_ended_and_the_seam_is_recorded(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        first = await failed(h, "Once ", "upon ")
        run, call = await answered(h, "a ", "time.")

        assert sent_to(call) == [("user", "Tell me"), ("assistant", "Once upon ")]
        assert call.request.is_prefilled
    assert shape(tmp_path) == [
        ("user", "Tell me", None),
        ("assistant", "Once upon ", None),
        ("assistant", "a time.", "Once upon "),
    ]
    _, begun, more = stored(tmp_path)
    assert (begun["status"], begun["run_id"], more["status"], more["run_id"]) == (
        "failed",
        first.run_id,
        "complete",
        run.run_id,
    )
    assert (run.state, run.reply.text) == (RunState.COMPLETED, "a time.")


async def test_a_model_that_cannot_is_asked_to_go_on_by_a_message_that_is_kept(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await failed(h, "Once ", "upon ")
        _, call = await answered(h, "a time.")

        assert sent_to(call) == [("user", "Tell me"), ("assistant", "Once upon "), ("user", GO_ON)]
    assert shape(tmp_path) == [
        ("user", "Tell me", None),
        ("assistant", "Once upon ", None),
        ("user", GO_ON, "Once upon "),
        ("assistant", "a time.", "Once upon "),
    ]


async def test_one_may_choose_the_honest_way_and_is_refused_the_other_where_it_cannot_be(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await failed(h, "Once ")
        with pytest.raises(InvalidRequest) as refused:
            await go_on(h, prefill=True)
        assert refused.value.errors[0][0] == "$.prefill"
        assert len(stored(tmp_path)) == 2

        h.puppet.prefills = True
        _, call = await answered(h, "upon", prefill=False)

        assert sent_to(call)[-1] == ("user", GO_ON)


async def test_a_reply_without_a_word_is_made_anew_and_the_question_is_not_doubled(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await failed(h)
        _, call = await answered(h, "Here.")

        assert sent_to(call) == [("user", "Tell me")]
        assert not call.request.is_prefilled
    assert shape(tmp_path) == [("user", "Tell me", None), ("assistant", "", None), ("assistant", "Here.", "")]
    assert stored(tmp_path)[1]["status"] == "failed"


async def test_a_continuation_that_breaks_off_too_can_be_continued_as_one_reply(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "Once ")
        await failed_again(h, "upon ")
        await failed_again(h)
        _, call = await answered(h, "a time.")

        assert sent_to(call) == [("user", "Tell me"), ("assistant", "Once upon ")]
        later = await h.chat.send("", SendRequest("And then?", chat_id="chat"))
        call = await h.puppet.call(4)
        assert sent_to(call) == [
            ("user", "Tell me"),
            ("assistant", "Once upon a time."),
            ("user", "And then?"),
        ]
        await h.chat.stop("", later.run_id)
    assert [message["content"] for message in stored(tmp_path)[:5]] == ["Tell me", "Once ", "upon ", "", "a time."]
    ids = [message["id"] for message in stored(tmp_path)]
    assert [message.get("continues") for message in stored(tmp_path)[1:5]] == [None, *ids[1:4]]


async def test_an_honest_turn_that_breaks_off_keeps_what_it_was_to_go_on_with(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await failed(h, "Once ")
        await failed_again(h, "upon ")
        _, call = await answered(h, "a time.")

        assert sent_to(call) == [
            ("user", "Tell me"),
            ("assistant", "Once "),
            ("user", GO_ON),
            ("assistant", "upon "),
            ("user", GO_ON),
        ]


async def test_an_honest_turn_without_a_word_asks_the_same_again_with_all_that_it_is_about(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await failed(h, "Once ")
        await failed_again(h)
        _, call = await answered(h, "upon a time.")

        assert sent_to(call) == [("user", "Tell me"), ("assistant", "Once "), ("user", GO_ON)]
    assert [message["content"] for message in stored(tmp_path)] == ["Tell me", "Once ", GO_ON, "", "upon a time."]


async def test_replies_that_were_stopped_interrupted_or_are_as_long_as_allowed_go_on_too(tmp_path: Path) -> None:
    limits = msgspec.structs.replace(LIMITS, max_output_chars=10)
    async with heart(tmp_path, limits) as h:
        h.puppet.prefills = True
        run = await h.chat.send("", SendRequest("Tell me", chat_id="chat"))
        (await h.puppet.call(0)).say("stopped ")
        while not run.visible_text:
            await run.changed()
        await h.chat.stop("", run.run_id)
        run = await go_on(h)
        (await h.puppet.call(1)).say("too ", "long for a reply ")
        await run.wait_ended()
        assert run.reply.finish_reason == "length"
        run = await go_on(h)
        (await h.puppet.call(2)).say("cut off ")
        while not run.visible_text:
            await run.changed()
        await h.chat.drain(0)

    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        _, call = await answered(h, "the end.")

        assert sent_to(call)[-1] == ("assistant", "stopped too long for a reply cut off ")
    assert [message.get("status") for message in stored(tmp_path)[1:]] == [
        "stopped",
        "complete",
        "interrupted",
        "complete",
    ]


async def test_what_came_to_its_end_or_is_not_the_last_message_is_not_continued(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await failed(h, "half")
        run = await h.chat.send("", SendRequest("again", chat_id="chat"))
        (await h.puppet.call(1)).finish("whole")
        await run.wait_ended()
        before = stored(tmp_path)

        asked: tuple[tuple[dict[str, Any], type[Exception]], ...] = (
            ({}, Conflict),
            ({"message_id": run.record.message_id}, Conflict),
            ({"message_id": first.record.message_id}, Conflict),
            ({"message_id": run.record.user.id}, Conflict),
            ({"message_id": "msg_none"}, InvalidRequest),
            ({"chat_id": "none"}, ChatNotFound),
        )
        for request, error in asked:
            with pytest.raises(error):
                await go_on(h, **request)

        assert (stored(tmp_path), len(h.puppet.calls)) == (before, 2)
        assert h.chat.live_runs(None) == []


@pytest.mark.parametrize("reason", ["stop", "loop", "content_filter", "tool_calls"])
async def test_a_reply_that_ended_by_itself_is_not_continued_whatever_ended_it(tmp_path: Path, reason: str) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", SendRequest("Tell me", chat_id="chat"))
        (await h.puppet.call(0)).finish("no", reason=reason)
        await run.wait_ended()

        with pytest.raises(Conflict):
            await go_on(h)


async def test_naming_the_reply_that_is_meant_is_a_safeguard(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await failed(h, "half")
        more, _ = await answered(h, "done", message_id=run.record.message_id)

    assert more.record.continues == run.record.message_id


async def test_who_began_the_reply_goes_on_with_it_unless_another_one_is_asked_for(tmp_path: Path) -> None:
    async with heart(tmp_path, LIMITS, ["other"]) as h:
        first = await h.chat.send("", SendRequest("Tell me", chat_id="chat"))
        (await h.puppet.call(0)).fail(ProviderFailed("one"))
        await failing(await h.providers.get("other").call(0), first, "half")

        run = await go_on(h)
        second = await h.providers.get("other").call(1)
        assert second.request.model == "other-wood"
        await failing(second, run)
        _, third = await answered(h, "done", provider="puppet", model="oak")

        assert third.request.model == "oak"


async def test_a_provider_that_is_asked_for_and_not_there_is_an_error(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await failed(h, "half")

        with pytest.raises(ProviderNotFound):
            await go_on(h, provider="nobody")


async def test_when_who_began_is_not_configured_any_more_the_default_goes_on(tmp_path: Path) -> None:
    async with heart(tmp_path, LIMITS, ["gone"]) as h:
        run = await h.chat.send("", SendRequest("Tell me", chat_id="chat", provider="gone"))
        await failing(await h.providers.get("gone").call(0), run, "half")
    async with heart(tmp_path) as h:
        run, _ = await answered(h, "done")

    assert (run.provider, run.model) == ("puppet", "wood")


async def test_a_prefilled_reply_falls_back_only_to_who_can_go_on_too(tmp_path: Path) -> None:
    async with heart(tmp_path, LIMITS, ["cannot", "can"]) as h:
        h.puppet.prefills = h.providers.get("can").prefills = True
        await failed(h, "half")
        run = await go_on(h)
        (await h.puppet.call(1)).fail(ProviderFailed("again"))
        call = await h.providers.get("can").call(0)
        call.finish("done")
        await run.wait_ended()

        assert sent_to(call)[-1] == ("assistant", "half")
        assert h.providers.get("cannot").calls == []


async def test_a_reply_without_a_word_falls_back_to_anybody(tmp_path: Path) -> None:
    async with heart(tmp_path, LIMITS, ["cannot"]) as h:
        h.puppet.prefills = True
        first = await h.chat.send("", SendRequest("Tell me", chat_id="chat"))
        (await h.puppet.call(0)).fail(ProviderFailed("one"))
        (await h.providers.get("cannot").call(0)).fail(ProviderFailed("two"))
        await first.wait_ended()
        run = await go_on(h)
        (await h.puppet.call(1)).fail(ProviderFailed("three"))
        (await h.providers.get("cannot").call(1)).finish("done")
        await run.wait_ended()

    assert run.reply.text == "done"


async def test_settings_of_the_request_reach_the_model_and_the_chats_own_prompt_rules(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half")
        _, call = await answered(h, "done", temperature=0.5, max_tokens=7)

        assert (call.request.temperature, call.request.max_tokens) == (0.5, 7)
        assert call.request.messages[0].content == "Be brief."


async def test_what_is_left_out_for_want_of_room_is_never_what_is_to_go_on(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", SendRequest("old " * 60, chat_id="chat"))
        (await h.puppet.call(0)).finish("older")
        await run.wait_ended()
        await failed(h, "new " * 60)
        h.puppet.window = 250

        run = await go_on(h)
        call = await h.puppet.call(2)
        assert sent_to(call) == [("user", "Tell me"), ("assistant", "new " * 60), ("user", GO_ON)]
        await h.chat.stop("", run.run_id)


async def test_a_reply_that_leaves_no_room_to_go_on_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, *(f"word {number} " for number in range(200)))
        before = sorted(tmp_path.rglob("*.json*"))
        h.puppet.window = 300

        with pytest.raises(ContextTooLong):
            await go_on(h)

        assert sorted(tmp_path.rglob("*.json*")) == before


async def test_a_chat_with_a_live_run_is_busy_also_for_a_second_press_of_the_button(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half")
        results = await asyncio.gather(*(go_on(h) for _ in range(3)), return_exceptions=True)
        runs = [result for result in results if isinstance(result, Run)]
        assert len(runs) == 1
        assert all(isinstance(result, ChatBusy) for result in results if result is not runs[0])
        with pytest.raises(ChatBusy):
            await go_on(h)
        (await h.puppet.call(1)).finish("done")
        await runs[0].wait_ended()

    assert [message["content"] for message in stored(tmp_path)] == ["Tell me", "half", "done"]


async def test_a_live_run_can_be_stopped_and_its_reply_gone_on_with(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        run = await h.chat.send("", SendRequest("Tell me", chat_id="chat"))
        (await h.puppet.call(0)).say("so far ")
        while not run.visible_text:
            await run.changed()
        more, call = await answered(h, "and on", if_busy="interrupt")

        assert (run.state, more.record.continues) == (RunState.STOPPED, run.record.message_id)
        assert sent_to(call)[-1] == ("assistant", "so far ")


async def test_a_wrong_name_of_a_provider_stops_no_run(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", SendRequest("Tell me", chat_id="chat"))
        call = await h.puppet.call(0)
        with pytest.raises(ProviderNotFound):
            await go_on(h, provider="nobody", if_busy="interrupt")
        call.finish("all of it")
        await run.wait_ended()

    assert run.state is RunState.COMPLETED


async def test_messages_that_wait_behind_a_run_that_is_stopped_are_stored_first_and_the_last_one_goes_on(
    tmp_path: Path,
) -> None:
    async with heart(tmp_path) as h:
        waiting = [await h.chat.send("", SendRequest(f"q{number}", chat_id="chat")) for number in range(4)]
        more, call = await answered(h, "at last", if_busy="interrupt")

        assert more.record.continues == waiting[-1].record.message_id
        assert sent_to(call) == [("user", f"q{number}") for number in range(4)]
    assert [message["content"] for message in stored(tmp_path)] == ["q0", "", "q1", "", "q2", "", "q3", "", "at last"]


async def test_a_live_turn_can_be_dropped_to_go_on_with_the_reply_before_it(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        first = await failed(h, "half ")
        dropped = [await h.chat.send("", SendRequest("no", chat_id="chat")) for _ in range(2)]
        await h.puppet.call(1)
        more, _ = await answered(h, "done", if_busy="rollback")

        assert more.record.continues == first.record.message_id
        assert all(run.ended for run in dropped)
    assert [message["content"] for message in stored(tmp_path)] == ["Tell me", "half ", "done"]


async def test_a_message_sent_during_a_continuation_comes_after_it(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half ")
        more = await go_on(h)
        later = await h.chat.send("", SendRequest("And?", chat_id="chat"))
        (await h.puppet.call(1)).finish("done")
        call = await h.puppet.call(2)
        call.finish("yes")
        await later.wait_ended()

        assert more.ended
        assert sent_to(call) == [("user", "Tell me"), ("assistant", "half done"), ("user", "And?")]


async def test_a_continuation_that_is_dropped_leaves_the_chat_as_it_was(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half ")
        more = await go_on(h)
        (await h.puppet.call(1)).say("nonsense")
        again, _ = await answered(h, "done", if_busy="rollback")

        assert b'"rolled_back":true' in more.frames[-1]
    assert [message["content"] for message in stored(tmp_path)] == ["Tell me", "half ", "done"]
    assert again.record.continues == more.record.continues


async def test_the_first_event_names_the_reply_that_is_gone_on_with_and_a_replay_is_the_same(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        first = await failed(h, "half ")
        more, _ = await answered(h, "done")
    async with heart(tmp_path) as h:
        kept, own = await h.chat.run("", more.run_id), await h.chat.run("", first.run_id)
    (tmp_path / ".chatkeep" / "runs" / f"{more.run_id}.jsonl").unlink()
    async with heart(tmp_path) as h:
        anew = await h.chat.run("", more.run_id)

    assert f'"continues":"{first.record.message_id}"}}'.encode() in more.frames[0]
    assert b"continues" not in own.frames[0]
    assert kept.frames == more.frames
    assert anew.frames[0] == more.frames[0]
    assert (anew.visible_text, anew.record.continues, numbers(b"".join(anew.frames))) == (
        "done",
        first.record.message_id,
        [0, 1, 2],
    )
    assert anew.record.user.text == "Tell me"


@pytest.mark.parametrize("prefills", [True, False])
async def test_a_live_continuation_names_what_it_goes_on_with_and_says_whether_its_question_is_new(
    tmp_path: Path, prefills: bool
) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = prefills
        first = await failed(h, "half ")
        more = await go_on(h)
        (await h.puppet.call(1)).say("so far")
        while not more.visible_text:
            await more.changed()
        found = await h.chat.history("", "chat")

        assert found.active is not None
        assert (found.active.continues, found.active.text) == (first.record.message_id, "so far")
        assert (found.active.user.text if found.active.user else None) == (None if prefills else GO_ON)
        assert [m.text for m in found.messages if m.role != "system"] == ["Tell me", "half "]
        await h.chat.stop("", more.run_id)
        assert (await h.chat.history("", "chat")).active is None


@pytest.mark.parametrize("prefills", [True, False])
@pytest.mark.parametrize("kept", [1, 2, 3])
async def test_a_kill_in_a_continuation_keeps_what_came_at_its_place(tmp_path: Path, prefills: bool, kept: int) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = prefills
        first = await failed(h, "half ")
        before = (tmp_path / "chat.json").read_bytes()
        more, _ = await answered(h, "and ", "more")
    journal = tmp_path / ".chatkeep" / "runs" / f"{more.run_id}.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[: 1 + kept]))
    (tmp_path / "chat.json").write_bytes(before)

    async with heart(tmp_path) as h:
        again = await h.chat.run("", more.run_id)
        assert again.state is RunState.INTERRUPTED
    async with heart(tmp_path) as h:
        assert (await h.chat.run("", more.run_id)).frames == again.frames

    came = ["", "and ", "and more"][kept - 1]
    asked = [] if prefills else [("user", GO_ON, "half ")]
    assert shape(tmp_path) == [
        ("user", "Tell me", None),
        ("assistant", "half ", None),
        *asked,
        ("assistant", came, "half "),
    ]
    assert stored(tmp_path)[-1]["status"] == "interrupted"
    assert stored(tmp_path)[-1]["continues"] == first.record.message_id


async def test_a_kill_after_the_chat_was_written_stores_a_continuation_once(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half ")
        more, _ = await answered(h, "and more")
    journal = tmp_path / ".chatkeep" / "runs" / f"{more.run_id}.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    before = (tmp_path / "chat.json").read_bytes()

    async with heart(tmp_path) as h:
        assert (await h.chat.run("", more.run_id)).state is RunState.COMPLETED

    assert (tmp_path / "chat.json").read_bytes() == before


async def test_a_reply_that_the_disk_refused_is_saved_before_it_is_gone_on_with(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        h.store.refusal = StorageFull("The disk is full.")
        run = await failed(h, "half ")
        assert not (tmp_path / "chat.json").exists()
        with pytest.raises(StorageFull):
            await go_on(h)

        h.store.refusal = None
        more, _ = await answered(h, "done")

        assert more.record.continues == run.record.message_id
    assert [message["content"] for message in stored(tmp_path)] == ["Tell me", "half ", "done"]


async def test_a_continuation_that_the_disk_refused_is_at_its_place_after_a_restart(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half ")
        h.store.refusal = StorageFull("The disk is full.")
        more, _ = await answered(h, "done")
        assert more.problem is not None
        assert more.problem.partial == "done"

    async with heart(tmp_path) as h:
        assert [m.text for m in (await h.chat.history("", "chat")).messages[1:]] == ["Tell me", "half ", "done"]


def write_into(folder: Path, *messages: dict[str, str], keep: int | None = None) -> None:
    """Change the chat's file as its owner would: keep its first `keep` messages, and add `messages`."""
    path = folder / "chat.json"
    chat = json.loads(path.read_bytes())
    chat["messages"] = [*chat["messages"][:keep], *messages]
    path.write_text(json.dumps(chat))


async def test_a_chat_that_was_changed_before_the_model_is_asked_is_left_as_it_is(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half ")
        run = await go_on(h)
        write_into(tmp_path, {"role": "user", "content": "by hand"})
        await run.wait_ended()

        assert run.problem is not None
        assert (run.state, run.problem.code, len(h.puppet.calls)) == (RunState.FAILED, "conflict", 1)
        assert (await h.chat.run("", run.run_id)) is run
    assert [message["content"] for message in stored(tmp_path)] == ["Tell me", "half ", "by hand"]
    async with heart(tmp_path) as h:
        assert (await h.chat.run("", run.run_id)).frames == run.frames
        await h.chat.delete("", "chat", purge=True)


async def test_what_is_written_into_the_file_during_a_continuation_stays_as_a_branch_beside_it(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half ")
        run = await go_on(h)
        call = await h.puppet.call(1)
        write_into(tmp_path, {"role": "user", "content": "by hand"})
        call.finish("done")
        await run.wait_ended()

        shown = await h.chat.history("", "chat")
    assert shape(tmp_path) == [
        ("user", "Tell me", None),
        ("assistant", "half ", None),
        ("user", "by hand", None),
        ("assistant", "done", "half "),
    ]
    assert [message.text for message in shown.messages[1:]] == ["Tell me", "half ", "done"]
    assert shown.active is None


@pytest.mark.parametrize(("keep", "texts"), [(2, ["Tell me", "done"]), (1, ["Tell me", "done"])])
async def test_what_comes_is_kept_also_when_the_reply_it_goes_on_with_was_taken_out(
    tmp_path: Path, keep: int, texts: list[str]
) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half ")
        run = await go_on(h)
        call = await h.puppet.call(1)
        write_into(tmp_path, keep=keep)
        call.finish("done")
        await run.wait_ended()

    assert [message["content"] for message in stored(tmp_path)] == texts


async def test_a_continuation_whose_chats_file_was_taken_away_begins_it_anew(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half ")
        run = await go_on(h)
        call = await h.puppet.call(1)
        (tmp_path / "chat.json").unlink()
        call.finish("done")
        await run.wait_ended()

    assert [message["content"] for message in stored(tmp_path)] == ["Tell me", "done"]


async def test_a_chat_without_a_question_has_nothing_to_continue(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await failed(h, "half ")
        write_into(tmp_path, {"role": "assistant", "content": "half", "status": "failed"}, keep=1)

        with pytest.raises(Conflict):
            await go_on(h)


async def test_exchanges_show_a_continuation_with_the_prompt_of_its_reply_before_and_after_its_end(
    tmp_path: Path,
) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        first = await failed(h, "half ")
        more = await go_on(h)
        call = await h.puppet.call(1)
        going = await h.chat.exchanges("", limit=10, offset=0)
        call.finish("done")
        await more.wait_ended()
        ended = await h.chat.exchanges("", limit=10, offset=0)

        for page in (going, ended):
            assert [(row.run_id, row.prompt) for row in page] == [
                (more.run_id, "Tell me"),
                (first.run_id, "Tell me"),
            ]
            assert page[0].created_at == page[1].created_at == first.record.user.timestamp
            assert [await h.chat.exchange("", row.run_id) for row in ended] == ended
        assert [row.response for row in ended] == ["done", "half "]
        assert (await h.chat.exchanges("", limit=1, offset=1)) == ended[1:]


async def test_the_same_key_gives_the_same_continuation_and_means_one_chat(tmp_path: Path) -> None:
    key = Idempotency("k" * 64, "b" * 64)
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half ")
        first = await go_on(h, key)
        again = await go_on(h, key)
        (await h.puppet.call(1)).finish("done")
        await first.wait_ended()
        with pytest.raises(IdempotencyMismatch):
            await go_on(h, Idempotency("k" * 64, "c" * 64))
    (tmp_path / ".chatkeep" / "index.sqlite3").unlink()
    async with heart(tmp_path) as h:
        stored_one = await go_on(h, key)

    assert first is again
    assert (stored_one.run_id, stored_one.reply.text) == (first.run_id, "done")


async def test_a_deleted_chat_takes_its_continuations_with_it(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        h.puppet.prefills = True
        await failed(h, "half ")
        done = await failed_again(h, "more ")
        going = await go_on(h)
        call = await h.puppet.call(2)
        await h.chat.delete("", "chat", purge=True)

        assert call.closed
        for run in (done, going):
            with pytest.raises(RunNotFound):
                await h.chat.run("", run.run_id)
    assert list((tmp_path / ".chatkeep" / "runs").iterdir()) == []


async def test_another_owners_chat_is_not_there(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("alice", SendRequest("mine", chat_id="chat"))
        (await h.puppet.call(0)).fail(ProviderFailed("it broke"))
        await run.wait_ended()

        with pytest.raises(ChatNotFound):
            await h.chat.continue_reply("bob", ContinueRequest("chat"))


async def test_nothing_is_begun_while_the_server_stops(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await failed(h, "half ")
        await h.chat.drain(0)

        with pytest.raises(ChatkeepError, match="stopping"):
            await go_on(h)
