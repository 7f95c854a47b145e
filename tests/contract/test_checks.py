"""Checks around a turn: what they stop, what they mark, and that one which fails stops nothing."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from chatkeep.chat.checks.check import Checked, Stage
from chatkeep.chat.checks.threads import Checks
from chatkeep.chat.continuation import ContinueRequest
from chatkeep.chat.messages import SendRequest
from chatkeep.chat.model import ChatKey, CheckResult, Message, Verdict
from chatkeep.chat.observe import RunObserver
from chatkeep.chat.ports import Tool
from chatkeep.chat.run import Run, RunState
from chatkeep.chat.unstored import GenerateRequest
from chatkeep.errors import ChatNotFound, Conflict, ContentDenied, ProviderFailed, StorageFull
from tests.puppet import Heart, heart
from tests.server import DEADLINE_S

pytestmark = pytest.mark.anyio

PASS, DENY = CheckResult("a", "pass"), CheckResult("a", "deny", "no")

Opinion = Callable[[Checked], Awaitable[CheckResult | None]]


class Told:
    """A check that says what it is told to, and notes what it was given."""

    def __init__(self, *stages: Stage, name: str = "a", verdict: Verdict = "pass", detail: str = "") -> None:
        self.name = name
        self.stages = stages
        self.asked: list[Checked] = []
        self.says = CheckResult(name, verdict, detail)

    async def __call__(self, checked: Checked) -> CheckResult | None:
        self.asked.append(checked)
        return self.says


class Denying(Told):
    """Denies messages that have the word."""

    def __init__(self, word: str, *stages: Stage) -> None:
        super().__init__(*stages)
        self._word = word

    async def __call__(self, checked: Checked) -> CheckResult | None:
        return DENY if self._word in checked.message.text else PASS


class Doing(Told):
    """Does what the test says."""

    def __init__(self, opinion: Opinion, *stages: Stage, name: str = "a") -> None:
        super().__init__(*stages, name=name)
        self._opinion = opinion

    async def __call__(self, checked: Checked) -> CheckResult | None:
        return await self._opinion(checked)


class Held(Told):
    """Says it when `go` is set. Nothing is said by one that was cancelled."""

    def __init__(self, *stages: Stage) -> None:
        super().__init__(*stages)
        self.begun, self.go = asyncio.Event(), asyncio.Event()
        self.was_cancelled = False

    async def __call__(self, checked: Checked) -> CheckResult | None:
        self.asked.append(checked)
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.was_cancelled = True
            raise
        return self.says


class Counting(RunObserver):
    """Notes what checks said."""

    def __init__(self) -> None:
        self.results: list[CheckResult] = []

    def message_checked(self, results: Sequence[CheckResult]) -> None:
        self.results += results


@pytest.fixture
def slow() -> Held:
    """A check of replies that were told already."""
    return Held("later")


async def never(_checked: Checked) -> CheckResult | None:
    await asyncio.Event().wait()
    return None


async def sent(h: Heart, message: str = "hi") -> Run:
    return await h.chat.send("", SendRequest(message, "chat"))


async def turn(h: Heart, message: str = "hi", reply: str = "yes", *, call: int = 0) -> Run:
    run = await sent(h, message)
    (await h.puppet.call(call)).finish(reply)
    await run.wait_ended()
    return run


async def messages(h: Heart) -> list[Message]:
    """What the chat has besides its system prompt."""
    return list((await h.chat.history("", "chat")).messages[1:])


async def opinion_on_disk(h: Heart) -> list[CheckResult]:
    """The checks of the newest reply, as soon as there are any."""
    async with asyncio.timeout(DEADLINE_S):
        while not (checks := (await messages(h))[-1].checks):
            await asyncio.sleep(0.01)
    return checks


async def test_a_denied_question_reaches_no_model_and_stands_in_its_chat_with_the_verdict(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Denying("bad", "input")])) as h:
        run = await sent(h, "a bad one")
        await run.wait_ended()
        user, reply = await messages(h)

    assert h.puppet.calls == []
    assert run.problem is not None
    assert (run.state, run.problem.code, run.problem.status) == (RunState.FAILED, "content_denied", 422)
    assert (user.text, user.checks) == ("a bad one", [DENY])
    assert (reply.text, reply.status, reply.error, reply.checks) == ("", "failed", "content_denied", None)


async def test_a_question_that_passes_is_answered_and_stored_with_its_results(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Denying("bad", "input")])) as h:
        await turn(h, "a good one")

        assert [message.checks for message in await messages(h)] == [[PASS], None]


async def test_what_was_denied_is_sent_to_no_model_later(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Denying("bad", "input", "reply")])) as h:
        await (await sent(h, "bad question")).wait_ended()
        await turn(h, "one", "bad reply")
        await turn(h, "two", call=1)
        request = h.puppet.calls[1].request

    assert [message.content for message in request.messages] == ["Be brief.", "one", "two"]


async def test_opinions_of_a_reply_are_in_done_in_the_file_and_in_every_replay(tmp_path: Path) -> None:
    warning = CheckResult("a", "warn", "look")
    async with heart(tmp_path, checks=Checks([Told("reply", verdict="warn", detail="look")])) as h:
        run = await turn(h)
        told = run.frames[-1]
        assert (await messages(h))[-1].checks == [warning]
    async with heart(tmp_path) as h:
        from_journal = await h.chat.run("", run.run_id)
        await h.store.log.discard([run.run_id])
        from_chat = await h.chat.run("", run.run_id)

    assert b'"checks":[{"name":"a","verdict":"warn","detail":"look"}]' in told
    assert from_journal.frames[-1] == told
    assert from_journal.reply.checks == from_chat.reply.checks == [warning]
    assert not from_chat.replayable


async def test_a_turn_that_was_stored_before_a_crash_is_told_with_its_opinions_after_it(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Told("reply")])) as h:
        run = await turn(h)
    journal = tmp_path / ".chatkeep" / "runs" / f"{run.run_id}.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))  # `done` never got there
    async with heart(tmp_path) as h:
        recovered = await h.chat.run("", run.run_id)

        assert [message.checks for message in await messages(h)] == [None, [PASS]]
    assert recovered.frames == run.frames


async def test_a_denied_reply_is_kept_and_ends_with_content_filter(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Denying("bad", "reply")])) as h:
        run = await turn(h, reply="a bad reply")
        reply = (await messages(h))[-1]

    assert (run.state, run.reply.finish_reason) == (RunState.COMPLETED, "content_filter")
    assert (reply.text, reply.status, reply.finish_reason) == ("a bad reply", "complete", "content_filter")
    assert reply.checks == [DENY]


async def test_a_check_gets_the_message_and_what_its_chat_has_before_it(tmp_path: Path) -> None:
    check = Told("input", "reply")
    async with heart(tmp_path, checks=Checks([check])) as h:
        await turn(h, "one", "first")
        await turn(h, "two", "second", call=1)

    question, reply = check.asked[2:]
    assert [question.stage, reply.stage] == ["input", "reply"]
    assert [message.text for message in (*question.before, question.message)] == ["Be brief.", "one", "first", "two"]
    assert [message.text for message in reply.before] == ["Be brief.", "one", "first", "two"]
    assert (reply.message.text, reply.message.status, reply.message.finish_reason) == ("second", "complete", "stop")


async def test_a_reply_that_failed_is_checked_when_it_has_text(tmp_path: Path) -> None:
    check = Told("reply")
    async with heart(tmp_path, checks=Checks([check])) as h:
        for call, words in enumerate(((), ("half",))):
            run = await sent(h)
            (await h.puppet.call(call)).say(*words)
            h.puppet.calls[call].fail(ProviderFailed("it broke"))
            await run.wait_ended()
        stored = await messages(h)

    assert [message.checks for message in stored] == [None, None, None, [PASS]]
    assert [(checked.message.text, checked.message.status) for checked in check.asked] == [("half", "failed")]


async def test_a_turn_that_is_rolled_back_is_not_checked(tmp_path: Path) -> None:
    check = Told("reply")
    async with heart(tmp_path, checks=Checks([check])) as h:
        run = await sent(h, "dropped")
        (await h.puppet.call(0)).say("so far")
        while not run.visible_text:
            await run.changed()
        after = await h.chat.send("", SendRequest("kept", "chat", if_busy="rollback"))
        (await h.puppet.call(1)).finish("yes")
        await after.wait_ended()

    assert [checked.message.text for checked in check.asked] == ["yes"]


async def test_a_check_that_raises_is_unknown_and_lets_the_message_pass(tmp_path: Path) -> None:
    async def broken(_checked: Checked) -> CheckResult | None:
        raise ValueError("no")

    async with heart(tmp_path, checks=Checks([Doing(broken, "input"), Told("input", name="b")])) as h:
        await turn(h)
        user, reply = await messages(h)

    assert reply.text == "yes"
    assert user.checks == [
        CheckResult("a", "unknown", "It broke by an unexpected ValueError."),
        CheckResult("b", "pass"),
    ]


async def test_a_check_that_has_no_opinion_leaves_nothing(tmp_path: Path) -> None:
    async def silent(_checked: Checked) -> CheckResult | None:
        return None

    async with heart(tmp_path, checks=Checks([Doing(silent, "input", "reply")])) as h:
        run = await turn(h)

        assert [message.checks for message in await messages(h)] == [None, None]
    assert b"checks" not in run.frames[-1]


@pytest.mark.parametrize(
    "said",
    [True, "deny", CheckResult("a", "maybe"), CheckResult("a", "pass", "\ud800")],  # type: ignore[arg-type]
)
async def test_an_answer_that_is_no_result_is_unknown(tmp_path: Path, said: CheckResult) -> None:
    check = Told("reply")
    check.says = said
    async with heart(tmp_path, checks=Checks([check])) as h:
        await turn(h)
        checks = (await messages(h))[-1].checks

    assert checks is not None
    assert [(result.name, result.verdict) for result in checks] == [("a", "unknown")]


async def test_a_result_bears_the_name_of_its_check_and_a_detail_that_is_not_too_long(tmp_path: Path) -> None:
    check = Told("reply")
    check.says = CheckResult("another", "warn", "so " * 1000)
    async with heart(tmp_path, checks=Checks([check])) as h:
        await turn(h)

        assert (await messages(h))[-1].checks == [CheckResult("a", "warn", ("so " * 1000)[:500])]


async def test_a_check_that_waits_too_long_is_unknown_and_the_others_of_its_thread_are_heard(tmp_path: Path) -> None:
    late = CheckResult("a", "unknown", "It gave no answer within 1 s.")
    group = [Told("reply", name="b"), Doing(never, "reply")]
    async with heart(tmp_path, checks=Checks(group, deadline_s=1)) as h:
        await turn(h)

        assert (await messages(h))[-1].checks == [CheckResult("b", "pass"), late]


async def test_a_check_that_blocks_its_thread_costs_only_its_own_opinions_until_it_returns(tmp_path: Path) -> None:
    go = threading.Event()

    async def blocking(checked: Checked) -> CheckResult | None:
        if checked.message.text == "block":
            go.wait(DEADLINE_S)
        return PASS

    heard = CheckResult("b", "pass")
    checks = Checks([Told("input", name="b")], [Doing(blocking, "input")], deadline_s=1)
    async with heart(tmp_path, checks=checks) as h:
        await turn(h, "block", call=0)
        await turn(h, "next", call=1)
        found = [message.checks for message in (await messages(h))[::2]]
        go.set()
        call = 2
        while (await messages(h))[-2].checks != [heard, PASS]:
            await turn(h, "again", call=call)
            call += 1

    assert found == [
        [heard, CheckResult("a", "unknown", "It gave no answer within 1 s.")],
        [heard, CheckResult("a", "unknown", "It is still busy with an earlier message.")],
    ]


async def test_a_heart_is_closed_while_a_check_blocks_its_thread(tmp_path: Path) -> None:
    go = threading.Event()

    async def blocking(_checked: Checked) -> CheckResult | None:
        go.wait(DEADLINE_S)
        return None

    async with heart(tmp_path, checks=Checks([Doing(blocking, "input")], deadline_s=0.05)) as h:
        await turn(h)
        threads = [thread for thread in threading.enumerate() if thread.name == "checks-a"]
    assert [(thread.is_alive(), thread.daemon) for thread in threads] == [(True, True)]

    go.set()
    await asyncio.to_thread(threads[0].join, DEADLINE_S)


async def test_a_run_is_stopped_while_its_question_is_checked_and_the_check_with_it(tmp_path: Path) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def slow_at_first(_checked: Checked) -> CheckResult | None:
        if begun.is_set():
            return PASS
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return None

    async with heart(tmp_path, checks=Checks([Doing(slow_at_first, "input")], deadline_s=DEADLINE_S)) as h:
        run = await sent(h)
        await asyncio.to_thread(begun.wait, DEADLINE_S)
        await h.chat.stop("", run.run_id)

        assert (run.state, h.puppet.calls) == (RunState.STOPPED, [])
        assert [message.checks for message in await messages(h)] == [[PASS], None]
        assert await asyncio.to_thread(cancelled.wait, DEADLINE_S)


async def test_a_question_that_was_stopped_before_it_was_asked_is_checked_all_the_same(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Denying("bad", "input")])) as h:
        going = await sent(h, "one")
        waiting = await sent(h, "a bad one")
        await h.chat.stop("", waiting.run_id)
        (await h.puppet.call(0)).finish("first")
        await waiting.wait_ended()
        await turn(h, "two", call=1)
        stored = await messages(h)

    assert (going.state, waiting.state) == (RunState.COMPLETED, RunState.STOPPED)
    assert [message.checks for message in stored[::2]] == [[PASS], [DENY], [PASS]]
    assert [message.content for message in h.puppet.calls[1].request.messages[1:]] == ["one", "first", "two"]


async def test_a_turn_that_a_crash_left_open_is_checked_when_it_is_recovered(tmp_path: Path) -> None:
    checks = [Denying("bad", "input", "reply")]
    async with heart(tmp_path) as h:
        run = await turn(h, "a bad one", "a bad reply")
    journal = tmp_path / ".chatkeep" / "runs" / f"{run.run_id}.jsonl"
    journal.write_bytes(b"".join(journal.read_bytes().splitlines(keepends=True)[:-1]))
    (tmp_path / "chat.json").unlink()
    async with heart(tmp_path, checks=Checks(checks)) as h:
        await turn(h, "two")
        stored = await messages(h)

    assert [message.checks for message in stored] == [[DENY], [DENY], [PASS], [PASS]]
    assert [message.content for message in h.puppet.calls[0].request.messages] == ["Be brief.", "two"]


async def test_what_a_chat_has_before_is_let_go_of_when_its_turn_has_ended(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Told("reply")])) as h:
        await turn(h)
        failed = await sent(h)
        (await h.puppet.call(1)).fail(ProviderFailed("it broke"))
        await failed.wait_ended()

    assert failed.before == ()


async def test_a_system_prompt_that_is_denied_begins_no_run_and_leaves_nothing(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Denying("bad", "input")])) as h:
        with pytest.raises(ContentDenied):
            await h.chat.send("", SendRequest("hi", "chat", system_prompt="a bad one"))

        with pytest.raises(ChatNotFound):
            await h.chat.history("", "chat")
        run = await h.chat.send("", SendRequest("hi", "chat", system_prompt="a good one"))
        (await h.puppet.call(0)).finish("yes")
        await run.wait_ended()
        assert [message.checks for message in await messages(h)] == [[PASS], None]


async def test_a_tool_that_is_denied_is_offered_to_no_model(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Denying("bad", "input")])) as h:
        for tool in (Tool("bad"), Tool("f", "a bad one"), Tool("f", parameters=msgspec.Raw(b'{"a":"a bad one"}'))):
            with pytest.raises(ContentDenied):
                await h.chat.generate("", GenerateRequest("hi", tools=[tool]))

    assert h.puppet.calls == []


@pytest.mark.parametrize("stage", ["input", "later"])
async def test_a_check_that_raises_what_ends_programs_is_unknown_and_ends_nothing(tmp_path: Path, stage: Stage) -> None:
    async def ending(_checked: Checked) -> CheckResult | None:
        raise KeyboardInterrupt

    async with heart(tmp_path, checks=Checks([Doing(ending, stage)])) as h:
        await turn(h)
        await turn(h, call=1)
        if stage == "later":
            await opinion_on_disk(h)
        place = -1 if stage == "later" else -2

        assert (await messages(h))[place].checks == [
            CheckResult("a", "unknown", "It broke by an unexpected KeyboardInterrupt.")
        ]


async def test_without_checks_no_thread_is_begun_and_nothing_is_stored_of_them(tmp_path: Path) -> None:
    async with heart(tmp_path) as h:
        await turn(h)

        assert not [thread for thread in threading.enumerate() if thread.name.startswith("checks-")]
        assert b"checks" not in (tmp_path / "chat.json").read_bytes()


async def test_opinions_of_questions_and_replies_are_told_to_observers(tmp_path: Path) -> None:
    counting = Counting()
    async with heart(tmp_path, checks=Checks([Told("input", "reply", "later")])) as h:
        h.observers.add(counting)
        await turn(h)
        await opinion_on_disk(h)

    assert counting.results == [PASS] * 3


async def test_a_question_outside_any_chat_is_checked_and_its_reply_too(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Denying("bad", "input", "reply")])) as h:
        refused = await h.chat.generate("", GenerateRequest("a bad one"))
        await refused.wait_ended()
        run = await h.chat.generate("", GenerateRequest("a good one"))
        (await h.puppet.call(0)).finish("a bad reply")
        await run.wait_ended()

    assert refused.problem is not None
    assert refused.problem.code == "content_denied"
    assert (run.reply.checks, run.reply.finish_reason) == ([DENY], "content_filter")


async def test_a_later_check_puts_its_opinion_on_the_stored_reply_and_changes_nothing_else(tmp_path: Path) -> None:
    check = Told("later", verdict="warn", detail="why")
    async with heart(tmp_path, checks=Checks([Told("reply", name="b"), check])) as h:
        run = await turn(h, "one", "first")
        before = await h.store.load(ChatKey("", "chat"))
        await opinion_on_disk(h)
        async with asyncio.timeout(DEADLINE_S):
            while (after := await h.store.load(ChatKey("", "chat"))).revision == 1:
                await asyncio.sleep(0.01)

    assert after.messages[-1].checks == [CheckResult("b", "pass"), CheckResult("a", "warn", "why")]
    assert (after.revision, after.last_updated) == (2, before.last_updated)
    assert after.messages[:-1] == before.messages[:-1]
    assert run.reply.checks == [CheckResult("b", "pass")]
    assert [message.text for message in (*check.asked[0].before, check.asked[0].message)] == [
        "Be brief.",
        "one",
        "first",
    ]


async def test_a_later_check_holds_up_neither_the_end_of_its_run_nor_the_next_turn(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Doing(never, "later")])) as h:
        await turn(h)
        run = await turn(h, call=1)

        assert run.state is RunState.COMPLETED
        assert len(await messages(h)) == 4


async def test_a_later_check_looks_at_complete_replies_alone(tmp_path: Path) -> None:
    check = Told("later")
    async with heart(tmp_path, checks=Checks([check, Denying("bad", "reply")])) as h:
        await turn(h, reply="bad")
        failed = await sent(h)
        (await h.puppet.call(1)).say("half")
        h.puppet.calls[1].fail(ProviderFailed("it broke"))
        await failed.wait_ended()
        run = await sent(h)
        (await h.puppet.call(2)).finish()
        await run.wait_ended()
        await turn(h, reply="good", call=3)
        await _until(lambda: bool(check.asked))

    assert [checked.message.text for checked in check.asked] == ["good"]


async def test_the_opinion_of_a_chat_that_was_deleted_meanwhile_is_dropped(tmp_path: Path, slow: Held) -> None:
    counting = Counting()
    async with heart(tmp_path, checks=Checks([slow])) as h:
        h.observers.add(counting)
        await turn(h)
        await slow.begun.wait()
        await h.chat.delete("", "chat", purge=True)
        slow.go.set()
        await _until(lambda: not later_checks())
        assert counting.results == [PASS]
        with pytest.raises(ChatNotFound):
            await h.chat.history("", "chat")


async def test_an_opinion_that_the_disk_refuses_is_lost_and_nothing_else(tmp_path: Path, slow: Held) -> None:
    counting = Counting()
    async with heart(tmp_path, checks=Checks([slow])) as h:
        h.observers.add(counting)
        await turn(h)
        await slow.begun.wait()
        h.store.refusal = StorageFull("full")
        slow.go.set()
        await _until(lambda: not later_checks())
        assert counting.results == [PASS]
        h.store.refusal = None
        await turn(h, call=1)

        assert (await messages(h))[1].checks is None


async def test_a_stop_of_the_server_gives_up_later_checks(tmp_path: Path, slow: Held) -> None:
    async with heart(tmp_path, checks=Checks([slow])) as h:
        await turn(h)
        await slow.begun.wait()
    assert slow.was_cancelled


async def test_of_very_many_replies_that_wait_for_a_later_check_the_last_go_without(tmp_path: Path, slow: Held) -> None:
    async with heart(tmp_path, checks=Checks([slow])) as h:
        for call in range(106):
            await turn(h, call=call)
        await _until(lambda: len(slow.asked) == 4)

        assert len(later_checks()) == 104


def later_checks() -> list[str]:
    """The tasks that wait or go on after their runs."""
    return [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("checks-")]


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            await asyncio.sleep(0.01)


async def test_what_goes_on_with_a_reply_is_checked_as_the_whole_that_it_makes(tmp_path: Path) -> None:
    told, later = Told("input", "reply"), Told("later", name="b")
    async with heart(tmp_path, checks=Checks([told, later])) as h:
        h.puppet.prefills = True
        run = await h.chat.send("", SendRequest("Tell me", chat_id="chat"))
        call = await h.puppet.call(0)
        call.say("Once ")
        call.fail(ProviderFailed("it broke"))
        await run.wait_ended()
        more = await h.chat.continue_reply("", ContinueRequest("chat"))
        (await h.puppet.call(1)).finish("upon")
        await more.wait_ended()
        while not later.asked:
            await asyncio.sleep(0.001)

    for checked in (told.asked[-1], later.asked[-1]):
        assert (checked.message.text, checked.message.status) == ("Once upon", "complete")
        assert [message.text for message in checked.before if message.role != "system"] == ["Tell me"]
    assert [(checked.stage, checked.message.text) for checked in told.asked] == [
        ("input", "Tell me"),
        ("reply", "Once "),
        ("input", "Tell me"),
        ("reply", "Once upon"),
    ]


@pytest.mark.parametrize("denied", ["Tell", "Once"])
async def test_what_was_denied_is_not_gone_on_with(tmp_path: Path, denied: str) -> None:
    async with heart(tmp_path, checks=Checks([Denying(denied, "input", "reply")])) as h:
        run = await h.chat.send("", SendRequest("Tell me", chat_id="chat"))
        if denied == "Once":
            call = await h.puppet.call(0)
            call.say("Once ")
            call.fail(ProviderFailed("it broke"))
        await run.wait_ended()

        with pytest.raises(Conflict):
            await h.chat.continue_reply("", ContinueRequest("chat"))


async def test_a_piece_that_was_denied_is_sent_to_no_model_and_the_others_are(tmp_path: Path) -> None:
    async with heart(tmp_path, checks=Checks([Denying("bad", "reply")])) as h:
        h.puppet.prefills = True
        run = await h.chat.send("", SendRequest("Tell me", chat_id="chat"))
        call = await h.puppet.call(0)
        call.say("Once ")
        call.fail(ProviderFailed("it broke"))
        await run.wait_ended()
        more = await h.chat.continue_reply("", ContinueRequest("chat"))
        (await h.puppet.call(1)).finish("bad")
        await more.wait_ended()
        await h.chat.send("", SendRequest("And?", chat_id="chat"))
        call = await h.puppet.call(2)

    assert [m.content for m in call.request.messages[1:]] == ["Tell me", "Once ", "And?"]
