"""Branches through the one door, on a real folder: what the model is asked, and what the file keeps."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chatkeep.chat.continuation import ContinueRequest, Interrupting
from chatkeep.chat.editing import ForkRequest
from chatkeep.chat.messages import SendRequest
from chatkeep.chat.model import ChatKey
from chatkeep.chat.rewriting import RewriteRequest
from chatkeep.chat.run import Run
from chatkeep.errors import (
    ChatBusy,
    ChatNotFound,
    Conflict,
    InvalidRequest,
    ProviderFailed,
    RevisionConflict,
    StorageFull,
)
from tests.puppet import Heart, heart

pytestmark = pytest.mark.anyio


async def say(h: Heart, message: str, answer: str) -> Run:
    number = len(h.puppet.calls)
    run = await h.chat.send("", SendRequest(message, "chat"))
    (await h.puppet.call(number)).finish(answer)
    await run.wait_ended()
    return run


async def again(h: Heart, answer: str, chat_id: str = "chat", **request: Any) -> Run:
    number = len(h.puppet.calls)
    run = await h.chat.rewrite("", RewriteRequest(chat_id, **request))
    (await h.puppet.call(number)).finish(answer)
    await run.wait_ended()
    return run


def asked(h: Heart) -> list[str]:
    """What the model was sent last."""
    return [str(message.content) for message in h.puppet.calls[-1].request.messages]


async def path(h: Heart, chat_id: str = "chat") -> list[str]:
    return [message.text for message in (await h.chat.history("", chat_id)).messages]


def stored(folder: Path, chat_id: str = "chat") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / f"{chat_id}.json").read_bytes())
    return found


def kept(folder: Path) -> list[tuple[str, str | None]]:
    """Each message of the file, and the one that its `parent_id` names."""
    messages = stored(folder)["messages"]
    by_id = {message["id"]: message["content"] for message in messages if "id" in message}
    return [(message["content"], by_id.get(message.get("parent_id"))) for message in messages]


async def test_a_reply_is_made_anew_from_what_stood_before_it_and_the_file_keeps_everything(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await say(h, "q1", "a1")
        await say(h, "q2", "a2")
        await again(h, "a1 anew", message_id=first.record.message_id)

        assert asked(h) == ["Be brief.", "q1"]
        assert await path(h) == ["Be brief.", "q1", "a1 anew"]
    assert [text for text, _ in kept(tmp_path)] == ["Be brief.", "q1", "a1", "q2", "a2", "a1 anew"]
    assert kept(tmp_path)[-1] == ("a1 anew", "q1")


async def test_an_edited_message_is_asked_with_what_stood_before_it_alone(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await say(h, "q1", "a1")
        second = await say(h, "q2", "a2")
        await say(h, "q3", "a3")
        await again(h, "a2 too", message_id=second.record.user.id, message="q2 too")

        assert asked(h) == ["Be brief.", "q1", "a1", "q2 too"]
        await say(h, "q4", "a4")
        assert asked(h) == ["Be brief.", "q1", "a1", "q2 too", "a2 too", "q4"]
    assert [parent for _, parent in kept(tmp_path)] == [None] * 7 + ["a1"] + [None] * 3


async def test_the_first_message_edited_follows_the_system_prompt_alone(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await say(h, "q1", "a1")
        await again(h, "a too", message_id=first.record.user.id, message="q too")

        assert asked(h) == ["Be brief.", "q too"]
        assert await path(h) == ["Be brief.", "q too", "a too"]
        await h.chat.switch_branch("", "chat", first.record.message_id)
        await say(h, "q2", "a2")
        assert asked(h) == ["Be brief.", "q1", "a1", "q2"]
    assert stored(tmp_path)["messages"][3]["parent_id"] == ""


async def test_what_was_switched_to_is_active_after_a_restart_and_until_something_is_said(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await say(h, "q1", "a1")
        await again(h, "a1 anew")
        await h.chat.switch_branch("", "chat", first.record.message_id)
    assert stored(tmp_path)["current"] == first.record.message_id
    async with heart(tmp_path) as h:
        assert await path(h) == ["Be brief.", "q1", "a1"]
        await say(h, "q2", "a2")
        assert await path(h) == ["Be brief.", "q1", "a1", "q2", "a2"]
    assert "current" not in stored(tmp_path)


async def test_what_the_system_says_in_the_middle_of_a_file_stays_on_the_path_of_what_is_edited_behind_it(
    tmp_path: Path,
) -> None:
    said = [("system", "Be brief."), ("user", "q1"), ("assistant", "a1"), ("system", "Be long."), ("user", "q2")]
    async with heart(tmp_path) as h:
        file = {"messages": [{"role": role, "content": text} for role, text in said]}
        (tmp_path / "chat.json").write_text(json.dumps(file))
        (*_, last) = (await h.chat.history("", "chat")).messages
        await again(h, "a2", message_id=last.id, message="q2 too")

        assert asked(h) == ["Be brief.\n\nBe long.", "q1", "a1", "q2 too"]
        assert await path(h) == ["Be brief.", "q1", "a1", "Be long.", "q2 too", "a2"]
    assert "id" not in stored(tmp_path)["messages"][0]


async def test_a_question_without_a_reply_is_asked(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        (tmp_path / "lonely.json").write_text(json.dumps({"messages": [{"role": "user", "content": "alone"}]}))
        await again(h, "not any more", "lonely")

        assert await path(h, "lonely") == ["alone", "not any more"]


async def test_a_reply_in_pieces_is_made_anew_as_a_whole(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", SendRequest("q1", "chat"))
        call = await h.puppet.call(0)
        call.say("half")
        call.fail(ProviderFailed("It broke."))
        await run.wait_ended()
        more = await h.chat.continue_reply("", ContinueRequest("chat"))
        (await h.puppet.call(1)).finish("the rest")
        await more.wait_ended()

        await again(h, "whole")

        assert asked(h) == ["Be brief.", "q1"]
        assert await path(h) == ["Be brief.", "q1", "whole"]


async def test_a_denied_question_is_not_asked_again(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await say(h, "q1", "a1")
        file = stored(tmp_path)
        file["messages"][1]["checks"] = [{"name": "patterns", "verdict": "deny"}]
        (tmp_path / "chat.json").write_text(json.dumps(file))

        with pytest.raises(Conflict):
            await h.chat.rewrite("", RewriteRequest("chat"))


async def test_a_branch_that_a_stop_cuts_is_kept_with_its_text(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await say(h, "q1", "a1")
        run = await h.chat.rewrite("", RewriteRequest("chat"))
        (await h.puppet.call(1)).say("half of it")
        while not run.visible_text:
            await run.changed()
        await h.chat.stop("", run.run_id)

        assert await path(h) == ["Be brief.", "q1", "half of it"]
    assert kept(tmp_path)[-1] == ("half of it", "q1")


async def test_while_a_run_goes_no_branch_is_switched_or_begun_unless_it_makes_way(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await say(h, "q1", "a1")
        going = await h.chat.send("", SendRequest("q2", "chat"))
        await h.puppet.call(1)

        with pytest.raises(ChatBusy):
            await h.chat.switch_branch("", "chat", first.record.message_id)
        with pytest.raises(ChatBusy):
            await h.chat.rewrite("", RewriteRequest("chat"))
        await again(h, "a1 anew", message_id=first.record.message_id, if_busy="rollback")

        assert going.ended
        assert await path(h) == ["Be brief.", "q1", "a1 anew"]


async def test_who_interrupts_a_reply_names_the_revision_before_it_and_what_it_leaves_is_kept(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await say(h, "q1", "a1")
        await h.chat.send("", SendRequest("q2", "chat"))
        await h.puppet.call(1)
        await again(h, "a1 anew", message_id=first.record.message_id, revision=1, if_busy="interrupt")

        assert await path(h) == ["Be brief.", "q1", "a1 anew"]
    assert [text for text, _ in kept(tmp_path)] == ["Be brief.", "q1", "a1", "q2", "", "a1 anew"]


@pytest.mark.parametrize("ending", ["interrupt", "rollback"])
@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"revision": 7}, RevisionConflict),
        ({"message_id": "msg_of_nobody"}, InvalidRequest),
        ({"message_id": "{reply}", "message": "No reply can be edited."}, InvalidRequest),
    ],
)
async def test_what_is_refused_stops_no_reply_that_is_going(
    tmp_path: Path, ending: Interrupting, wrong: dict[str, Any], error: type[Exception]
) -> None:
    async with heart(tmp_path) as h:
        first = await say(h, "q1", "a1")
        going = await h.chat.send("", SendRequest("q2", "chat"))
        call = await h.puppet.call(1)
        wrong = {name: first.record.message_id if value == "{reply}" else value for name, value in wrong.items()}

        with pytest.raises(error):
            await h.chat.rewrite("", RewriteRequest("chat", if_busy=ending, **wrong))

        call.finish("a2")
        await going.wait_ended()
        assert await path(h) == ["Be brief.", "q1", "a1", "q2", "a2"]


async def test_the_question_of_a_reply_that_is_going_is_edited_when_that_makes_way(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await say(h, "q1", "a1")
        going = await h.chat.send("", SendRequest("q2", "chat"))
        await h.puppet.call(1)
        await again(h, "a too", message_id=going.record.user.id, message="q too", if_busy="interrupt")

        assert await path(h) == ["Be brief.", "q1", "a1", "q too", "a too"]


async def test_a_message_that_comes_while_a_branch_is_switched_is_asked_and_put_on_the_one_it_is_switched_to(
    tmp_path: Path,
) -> None:
    key = ChatKey("", "chat")
    async with heart(tmp_path) as h:
        first = await say(h, "q1", "a1")
        await again(h, "a1 anew")
        async with h.store.editing(key):
            chat = await h.store.load(key)
            later = await h.chat.send("", SendRequest("q2", "chat"))
            switched = msgspec.structs.replace(chat, revision=chat.revision + 1, current=first.record.message_id)
            await h.store.save(key, switched)
        (await h.puppet.call(2)).finish("a2")
        await later.wait_ended()

        assert asked(h) == ["Be brief.", "q1", "a1", "q2"]
        assert await path(h) == ["Be brief.", "q1", "a1", "q2", "a2"]


async def test_a_message_sent_while_a_branch_is_written_follows_that_branch(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await say(h, "q1", "a1")
        branch = await h.chat.rewrite("", RewriteRequest("chat"))
        call = await h.puppet.call(1)
        later = await h.chat.send("", SendRequest("q2", "chat"))
        call.finish("a1 anew")
        await branch.wait_ended()
        (await h.puppet.call(2)).finish("a2")
        await later.wait_ended()

        assert await path(h) == ["Be brief.", "q1", "a1 anew", "q2", "a2"]


async def test_a_fork_holds_the_path_alone_and_says_where_it_comes_from(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await say(h, "q1", "a1")
        anew = await again(h, "a1 anew")
        await h.chat.fork("", ForkRequest("chat", anew.record.message_id, "fork"))

        assert await path(h, "fork") == ["Be brief.", "q1", "a1 anew"]
    file = stored(tmp_path, "fork")
    assert file["origin"] == {"source": "chatkeep", "chat_id": "chat", "message_id": anew.record.message_id}
    assert not [message for message in file["messages"] if "parent_id" in message or "run_id" in message]


async def test_another_system_prompt_is_told_from_the_next_turn_on_and_everything_else_stays(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await say(h, "q1", "a1")
        first = stored(tmp_path)["messages"][1]["id"]
        await again(h, "a2", message_id=first, message="q2")
        before = stored(tmp_path)

        chat = await h.chat.set_system_prompt("", "chat", "Be long.", revision=2)

        assert (chat.revision, stored(tmp_path)["last_updated"]) == (3, before["last_updated"])
        assert stored(tmp_path)["messages"][1:] == before["messages"][1:]
        await say(h, "q3", "a3")
        assert asked(h) == ["Be long.", "q2", "a2", "q3"]
        with pytest.raises(RevisionConflict):
            await h.chat.set_system_prompt("", "chat", "Be quiet.", revision=3)
        await h.chat.restore("", "chat", generation=2)
        await say(h, "q4", "a4")
        assert asked(h) == ["Be brief.", "q2", "a2", "q4"]


async def test_a_system_prompt_is_taken_away_and_given_to_a_chat_that_has_none(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await say(h, "q1", "a1")
        first = stored(tmp_path)["messages"][1]["id"]

        await h.chat.set_system_prompt("", "chat", " \n")
        await again(h, "a2", message_id=first, message="q2")
        assert (asked(h), stored(tmp_path)["messages"][0]["role"]) == (["q2"], "user")

        await h.chat.set_system_prompt("", "chat", "Be long.")
        await again(h, "a3", message_id=first, message="q3")
        assert asked(h) == ["Be long.", "q3"]
        revision = stored(tmp_path)["revision"]
        assert (await h.chat.set_system_prompt("", "chat", "Be long.")).revision == revision
        history = await h.chat.history("", "chat")
        assert len(history.siblings[history.messages[1].id or ""]) == 3


async def test_what_follows_a_system_message_by_its_name_stays_where_it_is(tmp_path: Path) -> None:
    messages = [
        {"id": "s1", "role": "system", "content": "Be brief."},
        {"id": "s2", "role": "system", "content": "Be kind."},
        {"id": "u1", "role": "user", "content": "q1"},
        {"id": "a1", "role": "assistant", "content": "a1"},
    ]
    (tmp_path / "chat.json").write_text(json.dumps({"messages": messages}))
    async with heart(tmp_path) as h:
        run = await h.chat.rewrite("", RewriteRequest("chat", message_id="u1", message="q2"))
        call = await h.puppet.call(0)
        await h.chat.set_system_prompt("", "chat", "")
        call.finish("a2")
        await run.wait_ended()

        assert asked(h) == ["Be brief.\n\nBe kind.", "q2"]
        assert await path(h) == ["", "", "q2", "a2"]
        await say(h, "q3", "a3")
        assert asked(h) == ["q2", "a2", "q3"]
        await h.chat.set_system_prompt("", "chat", "Be long.")
        await again(h, "a4", message_id="u1", message="q4")
        assert asked(h) == ["Be long.", "q4"]


async def test_a_run_that_goes_keeps_its_system_prompt_and_one_that_waits_takes_the_new_one(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await say(h, "q1", "a1")
        going = await h.chat.send("", SendRequest("q2", "chat"))
        await h.puppet.call(1)
        waiting = await h.chat.send("", SendRequest("q3", "chat"))

        await h.chat.set_system_prompt("", "chat", "Be long.")

        assert asked(h)[0] == "Be brief."
        h.puppet.calls[1].finish("a2")
        await going.wait_ended()
        (await h.puppet.call(2)).finish("a3")
        await waiting.wait_ended()
        assert asked(h) == ["Be long.", "q1", "a1", "q2", "a2", "q3"]
        assert stored(tmp_path)["messages"][0]["content"] == "Be long."


async def test_a_chat_whose_first_reply_is_being_written_gets_a_title_and_a_system_prompt_that_stay(
    tmp_path: Path,
) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", SendRequest("q1", "chat"))
        call = await h.puppet.call(0)
        assert not (tmp_path / "chat.json").exists()

        await h.chat.rename("", "chat", "Moon", revision=0)
        chat = await h.chat.set_system_prompt("", "chat", "Be long.", revision=1)

        assert (chat.title, chat.revision, stored(tmp_path)["title"]) == ("Moon", 2, "Moon")
        history = await h.chat.history("", "chat")
        assert (history.chat.title, history.active is not None) == ("Moon", True)
        page, _ = await h.chat.chats("", limit=10, cursor=None)
        assert [(row.title, active) for row, active in page] == [("Moon", run.run_id)]
        call.finish("a1")
        await run.wait_ended()
        assert (asked(h), await path(h)) == (["Be brief.", "q1"], ["Be long.", "q1", "a1"])
        await say(h, "q2", "a2")
        assert asked(h) == ["Be long.", "q1", "a1", "q2"]
    assert (stored(tmp_path)["title"], stored(tmp_path)["revision"]) == ("Moon", 4)


async def test_a_title_that_the_disk_refuses_costs_the_first_reply_nothing(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", SendRequest("q1", "chat"))
        call = await h.puppet.call(0)
        h.store.refusal = StorageFull("The disk is full.")

        with pytest.raises(StorageFull):
            await h.chat.rename("", "chat", "Moon")

        h.store.refusal = None
        call.finish("a1")
        await run.wait_ended()
    assert stored(tmp_path)["title"] == "q1"


async def test_a_chat_that_was_renamed_while_it_began_is_listed_once_on_whichever_page(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        first = await h.chat.send("", SendRequest("q1", "chat"))
        await h.puppet.call(0)
        await h.chat.rename("", "chat", "Moon")
        for number, chat_id in enumerate(("b", "c", "d")):
            run = await h.chat.send("", SendRequest("q", chat_id))
            (await h.puppet.call(1 + number)).finish("a")
            await run.wait_ended()
        while h.chat.live_runs("") != [first]:  # a run leaves its chat a moment after its end
            await asyncio.sleep(0)

        rows, cursor = await h.chat.chats("", limit=2, cursor=None)
        while cursor is not None:
            page, cursor = await h.chat.chats("", limit=2, cursor=cursor)
            rows += page

        assert [row.chat_id for row, _ in rows] == ["d", "c", "b", "chat"]
        assert rows[-1][1] == first.run_id


async def test_only_a_chat_that_has_begun_is_changed(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        run = await h.chat.send("", SendRequest("q1", "chat"))
        await h.puppet.call(0)

        with pytest.raises(ChatNotFound):
            await h.chat.rename("bob", "chat", "Mine")
        with pytest.raises(ChatNotFound):
            await h.chat.rename("", "another", "Moon")
        with pytest.raises(RevisionConflict):
            await h.chat.rename("", "chat", "Moon", revision=1)
        with pytest.raises(ChatBusy):
            await h.chat.switch_branch("", "chat", run.record.message_id)
        assert not (tmp_path / "chat.json").exists()
