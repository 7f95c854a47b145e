"""Asking again, and asking the fallbacks: while nothing of a reply has come, and never after."""

import asyncio
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from chatkeep.chat.events import Reasoning, UsageReport
from chatkeep.chat.guard import Limits
from chatkeep.chat.messages import SendRequest
from chatkeep.chat.model import Chat, ChatKey, FailedCall, Message, ToolCall, Usage, now
from chatkeep.chat.run import Run, RunState
from chatkeep.chat.unstored import GenerateRequest
from chatkeep.errors import (
    ChatkeepError,
    ContextTooLong,
    ModelNotFound,
    ProviderFailed,
    ProviderNotConfigured,
    ProviderRateLimited,
    ProviderTimedOut,
    ProviderUnavailable,
)
from tests.puppet import LIMITS, Heart, heart

pytestmark = pytest.mark.anyio

AGAIN: Limits = msgspec.structs.replace(LIMITS, attempts=3, retry_wait_s=0.01)
ONCE = LIMITS
LONG_S = 600.0  # a wait that no test is there to see the end of


async def sent(h: Heart, message: str = "hi") -> Run:
    return await h.chat.send("", SendRequest(message, chat_id="chat"))


def events(run: Run, name: str) -> list[dict[str, Any]]:
    """The data of the run's events of that name, in order."""
    blocks = [frame.decode().strip().splitlines() for frame in run.frames]
    return [json.loads(block[-1].removeprefix("data: ")) for block in blocks if f"event: {name}" in block]


def messages(folder: Path) -> list[dict[str, Any]]:
    """The messages of the chat's file but the system's."""
    stored = json.loads((folder / "chat.json").read_bytes())["messages"]
    return [message for message in stored if message["role"] != "system"]


async def until_told(run: Run, count: int = 1) -> None:
    """Return when the run has told of as many calls that failed."""
    while len(events(run, "retry")) < count:
        await run.changed()


async def test_a_call_that_fails_before_its_first_word_is_made_again_and_the_message_is_not_doubled(
    tmp_path: Path,
) -> None:
    async with heart(tmp_path, AGAIN) as h:
        run = await sent(h, "only once")
        (await h.puppet.call(0)).fail(ProviderUnavailable("not there"))
        (await h.puppet.call(1)).fail(ProviderFailed("still not"))
        (await h.puppet.call(2)).finish("here ", "it is")
        await run.wait_ended()

    question, reply = messages(tmp_path)
    assert (question["content"], reply["content"], reply["status"]) == ("only once", "here it is", "complete")
    assert [m.content for m in h.puppet.calls[2].request.messages] == ["Be brief.", "only once"]
    assert h.puppet.calls[0].closed
    assert [type(report) for report in h.puppet.reports] == [ProviderUnavailable, ProviderFailed, type(None)]


async def test_the_stats_say_which_calls_failed_and_a_retry_event_says_so_before_any_text(tmp_path: Path) -> None:
    async with heart(tmp_path, AGAIN) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderUnavailable("not there"))
        (await h.puppet.call(1)).finish("yes")
        await run.wait_ended()

    (told,) = events(run, "retry")
    assert (told["provider"], told["model"]) == ("puppet", "wood")
    assert 0 <= told["delay_s"] <= AGAIN.retry_wait_s
    assert {**told["failed"], "elapsed_ms": 0.0} == {
        "provider": "puppet",
        "model": "wood",
        "code": "provider_unavailable",
        "detail": "not there",
        "elapsed_ms": 0.0,
    }
    assert [frame.decode().splitlines()[1] for frame in run.frames] == [
        "event: start",
        "event: retry",
        "event: delta",
        "event: done",
    ]
    assert events(run, "done")[0]["stats"]["failed"] == messages(tmp_path)[1]["stats"]["failed"] == [told["failed"]]


async def test_a_reply_that_came_at_once_tells_of_no_failed_calls(tmp_path: Path) -> None:
    async with heart(tmp_path, AGAIN) as h:
        run = await sent(h)
        (await h.puppet.call(0)).finish("yes")
        await run.wait_ended()

    assert "failed" not in events(run, "done")[0]["stats"]
    assert events(run, "retry") == []


@pytest.mark.parametrize("began", [UsageReport(Usage(1, 0, 1)), None])
async def test_what_a_failed_call_counted_is_not_taken_for_the_replys(
    tmp_path: Path, began: UsageReport | None
) -> None:
    async with heart(tmp_path, AGAIN) as h:
        run = await sent(h)
        call = await h.puppet.call(0)
        if began is not None:
            call.queue.put_nowait(began)
        call.fail(ProviderFailed("broke"))
        (await h.puppet.call(1)).finish("one ", "two")
        await run.wait_ended()

    assert run.reply.usage is not None
    assert (run.reply.usage.completion_tokens, run.reply.usage.estimated) == (2, True)


@pytest.mark.parametrize("said", [Reasoning("hm"), ToolCall("call_0", "look", "{}"), "a word"])
@pytest.mark.parametrize("earlier", [0, 1])
async def test_nobody_is_asked_again_after_the_first_piece_of_a_reply(
    tmp_path: Path, said: str | Reasoning | ToolCall, earlier: int
) -> None:
    async with heart(tmp_path, AGAIN, ["other"]) as h:
        run = await sent(h)
        for number in range(earlier):
            (await h.puppet.call(number)).fail(ProviderUnavailable("not there"))
        call = await h.puppet.call(earlier)
        if isinstance(said, str):
            call.say(said)
        else:
            call.queue.put_nowait(said)
        call.fail(ProviderUnavailable("gone again"))
        await run.wait_ended()

    assert run.problem is not None
    assert (run.state, run.problem.code, run.problem.detail) == (
        RunState.FAILED,
        "provider_unavailable",
        "gone again",
    )
    assert (len(h.puppet.calls), h.providers.get("other").calls) == (earlier + 1, [])
    assert len(events(run, "retry")) == earlier


async def test_a_service_that_says_when_to_come_back_is_asked_then(tmp_path: Path) -> None:
    limits: Limits = msgspec.structs.replace(AGAIN, retry_wait_s=60)
    async with heart(tmp_path, limits) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderRateLimited("slow down", retry_after_s=0.02))
        (await h.puppet.call(1)).fail(ProviderUnavailable("overloaded", retry_after_s=0.0))
        (await h.puppet.call(2)).finish("yes")
        await run.wait_ended()

    assert [told["delay_s"] for told in events(run, "retry")] == [0.02, 0.0]


async def test_a_service_that_wants_a_longer_wait_than_is_allowed_is_not_asked_again(tmp_path: Path) -> None:
    async with heart(tmp_path, AGAIN, ["other"]) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderRateLimited("slow down", retry_after_s=0.02))
        (await h.providers.get("other").call(0)).finish("yes")
        await run.wait_ended()

    assert len(h.puppet.calls) == 1
    assert [told["delay_s"] for told in events(run, "retry")] == [0.0]


async def test_a_wait_that_was_only_guessed_is_not_waited_for(tmp_path: Path) -> None:
    async with heart(tmp_path, AGAIN) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderRateLimited("slow down"))
        (await h.puppet.call(1)).finish("yes")
        await run.wait_ended()

    assert events(run, "retry")[0]["delay_s"] <= AGAIN.retry_wait_s


async def test_waits_grow_and_are_not_all_the_same(tmp_path: Path) -> None:
    limits: Limits = msgspec.structs.replace(AGAIN, retry_wait_s=LONG_S)
    delays = []
    async with heart(tmp_path, limits) as h:
        for number in range(12):
            run = await h.chat.generate("", GenerateRequest("hi"))
            (await h.puppet.call(number)).fail(ProviderUnavailable("not there"))
            await until_told(run)
            delays.append(events(run, "retry")[0]["delay_s"])
            await h.chat.stop("", run.run_id)

    assert all(0.25 <= delay_s <= 0.75 for delay_s in delays)
    assert len(set(delays)) > 1


@pytest.mark.parametrize("bound_s", [0.0, 0.001])
async def test_a_bound_below_the_usual_wait_shortens_it_and_forbids_nothing(tmp_path: Path, bound_s: float) -> None:
    limits: Limits = msgspec.structs.replace(AGAIN, attempts=12, retry_wait_s=bound_s)
    async with heart(tmp_path, limits) as h:
        run = await sent(h)
        for number in range(11):
            (await h.puppet.call(number)).fail(ProviderUnavailable("not there"))
        (await h.puppet.call(11)).finish("yes")
        await run.wait_ended()

    assert run.reply.text == "yes"


@pytest.mark.parametrize(
    "error",
    [
        ProviderTimedOut("silent"),
        ProviderNotConfigured("no key"),
        ModelNotFound("no such model"),
        ContextTooLong("too long"),
    ],
)
async def test_what_cannot_pass_is_not_tried_again_but_others_may_answer(tmp_path: Path, error: ChatkeepError) -> None:
    async with heart(tmp_path, AGAIN, ["other"]) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(error)
        (await h.providers.get("other").call(0)).finish("yes")
        await run.wait_ended()

    assert (run.reply.text, len(h.puppet.calls)) == ("yes", 1)
    assert (h.puppet.reports, h.providers.get("other").reports) == ([error], [None])


async def test_a_bug_is_neither_tried_again_nor_handed_to_others(tmp_path: Path) -> None:
    async with heart(tmp_path, AGAIN, ["other"]) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ValueError("a bug"))
        await run.wait_ended()

    assert run.problem is not None
    assert (run.problem.code, len(h.puppet.calls), h.providers.get("other").calls) == ("internal_error", 1, [])
    assert [type(report) for report in h.puppet.reports] == [ValueError]


async def test_fallbacks_are_asked_in_their_order_each_with_its_own_model(tmp_path: Path) -> None:
    async with heart(tmp_path, ONCE, ["second", "third", "fourth"]) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderFailed("one"))
        (await h.providers.get("second").call(0)).fail(ProviderTimedOut("two"))
        answering = await h.providers.get("third").call(0)
        answering.finish("from the third")
        await run.wait_ended()

        assert h.providers.get("fourth").calls == []
    assert answering.request.model == "third-wood"
    assert [(told["provider"], told["model"], told["delay_s"]) for told in events(run, "retry")] == [
        ("second", "second-wood", 0.0),
        ("third", "third-wood", 0.0),
    ]
    question, reply = messages(tmp_path)
    assert (reply["provider"], reply["model"]) == ("third", "third-wood")
    assert [(call["provider"], call["code"]) for call in reply["stats"]["failed"]] == [
        ("puppet", "provider_error"),
        ("second", "provider_timeout"),
    ]
    assert question["content"] == "hi"
    assert (run.record.provider, run.provider) == ("puppet", "third")


async def test_a_fallback_is_called_again_too_before_the_next_one(tmp_path: Path) -> None:
    async with heart(tmp_path, AGAIN, ["other"]) as h:
        run = await sent(h)
        for number in range(3):
            (await h.puppet.call(number)).fail(ProviderUnavailable("not there"))
        (await h.providers.get("other").call(0)).fail(ProviderUnavailable("neither"))
        (await h.providers.get("other").call(1)).finish("now")
        await run.wait_ended()

    assert [call.provider for call in run.reply.failed] == ["puppet", "puppet", "puppet", "other"]
    assert (run.reply.text, run.provider) == ("now", "other")


async def test_when_nobody_answers_the_error_is_the_first_ones_and_names_what_became_of_the_others(
    tmp_path: Path,
) -> None:
    async with heart(tmp_path, ONCE, ["second", "third"]) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderRateLimited("the first is tired", retry_after_s=7.0))
        (await h.providers.get("second").call(0)).fail(ProviderUnavailable("the second is away"))
        (await h.providers.get("third").call(0)).fail(ProviderFailed("the third is ill"))
        await run.wait_ended()
    async with heart(tmp_path, ONCE, ["second", "third"]) as h:
        again = await h.chat.run("", run.run_id)

    assert run.problem is not None
    assert (run.problem.code, run.problem.retry_after_s) == ("provider_rate_limited", 7.0)
    assert run.problem.detail == (
        "the first is tired. Its fallback second failed too: the second is away."
        " Its fallback third failed too: the third is ill."
    )
    reply = messages(tmp_path)[1]
    assert (reply["provider"], reply["model"], reply["error"]) == ("puppet", "wood", "provider_rate_limited")
    assert [call["provider"] for call in reply["stats"]["failed"]] == ["puppet", "second", "third"]
    assert (again.provider, again.model, again.frames) == ("puppet", "wood", run.frames)


async def test_a_single_call_that_failed_is_the_error_and_stands_nowhere_else(tmp_path: Path) -> None:
    async with heart(tmp_path, ONCE) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderFailed("broke"))
        await run.wait_ended()

    assert "failed" not in messages(tmp_path)[1]["stats"]


async def test_a_fallback_that_has_begun_and_fails_is_who_failed(tmp_path: Path) -> None:
    async with heart(tmp_path, ONCE, ["other"]) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderFailed("one"))
        call = await h.providers.get("other").call(0)
        call.say("half")
        call.fail(ProviderUnavailable("gone"))
        await run.wait_ended()

    reply = messages(tmp_path)[1]
    assert (reply["provider"], reply["error"], reply["content"]) == ("other", "provider_unavailable", "half")


async def test_a_provider_that_may_not_be_called_now_is_passed_over_unasked(tmp_path: Path) -> None:
    async with heart(tmp_path, AGAIN, ["other"]) as h:
        h.providers.closed = {"puppet"}
        run = await sent(h)
        (await h.providers.get("other").call(0)).finish("yes")
        await run.wait_ended()

    assert (h.puppet.calls, h.puppet.reports, run.provider) == ([], [], "other")
    assert run.reply.failed[0].code == "provider_unavailable"


async def test_a_fallbacks_window_decides_what_is_sent_to_it(tmp_path: Path) -> None:
    async with heart(tmp_path, ONCE, ["small"]) as h:
        h.providers.get("small").window = 400
        chat = Chat("chat", "t", 1, now(), now(), [Message(role="user", content="old " * 300, id="msg_0")])
        async with h.store.editing(ChatKey("", "chat")):
            await h.store.save(ChatKey("", "chat"), chat)
        run = await sent(h)
        first = await h.puppet.call(0)
        first.fail(ProviderFailed("one"))
        second = await h.providers.get("small").call(0)
        second.finish("yes")
        await run.wait_ended()

    assert [m.content for m in first.request.messages] == ["old " * 300, "hi"]
    assert [m.content for m in second.request.messages] == ["hi"]


async def test_a_question_that_does_not_fit_a_fallback_is_not_sent_to_it(tmp_path: Path) -> None:
    async with heart(tmp_path, ONCE, ["tiny", "other"]) as h:
        h.providers.get("tiny").window = 40
        run = await sent(h, "word " * 100)
        (await h.puppet.call(0)).fail(ProviderFailed("one"))
        (await h.providers.get("other").call(0)).finish("yes")
        await run.wait_ended()

    assert h.providers.get("tiny").calls == []
    assert [(call.provider, call.code) for call in run.reply.failed] == [
        ("puppet", "provider_error"),
        ("tiny", "context_too_long"),
    ]


async def test_no_wait_goes_beyond_the_time_of_the_run(tmp_path: Path) -> None:
    limits: Limits = msgspec.structs.replace(AGAIN, run_s=5.0, retry_wait_s=LONG_S)
    async with heart(tmp_path, limits) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderUnavailable("not there", retry_after_s=6.0))
        await run.wait_ended()

    assert (run.state, len(h.puppet.calls), events(run, "retry")) == (RunState.FAILED, 1, [])


async def test_a_run_whose_time_is_over_asks_nobody_else(tmp_path: Path) -> None:
    limits: Limits = msgspec.structs.replace(AGAIN, run_s=0.02)
    async with heart(tmp_path, limits, ["other"]) as h:
        run = await sent(h)
        await run.wait_ended()

    assert run.problem is not None
    assert (run.problem.code, h.providers.get("other").calls) == ("provider_timeout", [])


async def test_a_stop_ends_a_wait_at_once(tmp_path: Path) -> None:
    limits: Limits = msgspec.structs.replace(AGAIN, retry_wait_s=LONG_S)
    async with heart(tmp_path, limits) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderUnavailable("not there", retry_after_s=LONG_S / 2))
        await until_told(run)

        await h.chat.stop("", run.run_id)

        assert (run.state, run.reply.finish_reason, len(h.puppet.calls)) == (RunState.STOPPED, "stopped", 1)


async def test_a_stop_in_a_later_call_closes_it(tmp_path: Path) -> None:
    async with heart(tmp_path, AGAIN) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderUnavailable("not there"))
        call = await h.puppet.call(1)
        call.say("so far")
        while not run.visible_text:
            await run.changed()

        await h.chat.stop("", run.run_id)

        assert (call.closed, run.state, run.reply.text) == (True, RunState.STOPPED, "so far")


async def test_a_kill_before_a_fallback_answered_keeps_who_was_asked_and_who_failed(tmp_path: Path) -> None:
    async with heart(tmp_path, ONCE, ["other"]) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderFailed("one"))
        (await h.providers.get("other").call(0)).finish("yes")
        await run.wait_ended()
    journal = tmp_path / ".chatkeep" / "runs" / f"{run.run_id}.jsonl"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert json.loads(lines[2])["event"] == "retry"
    journal.write_bytes(b"".join(lines[:3]))
    (tmp_path / "chat.json").unlink()

    async with heart(tmp_path, ONCE, ["other"]) as h:
        again = await h.chat.run("", run.run_id)

    question, reply = messages(tmp_path)
    assert (question["content"], reply["status"]) == ("hi", "interrupted")
    assert (reply["provider"], reply["model"]) == (again.provider, again.model) == ("other", "other-wood")
    assert [call["provider"] for call in reply["stats"]["failed"]] == ["puppet"]


async def test_a_replay_of_a_run_that_was_answered_by_a_fallback_is_the_same_to_the_byte(tmp_path: Path) -> None:
    async with heart(tmp_path, ONCE, ["other"]) as h:
        run = await sent(h)
        (await h.puppet.call(0)).fail(ProviderFailed("one"))
        (await h.providers.get("other").call(0)).finish("yes")
        await run.wait_ended()
    async with heart(tmp_path, ONCE, ["other"]) as h:
        again = await h.chat.run("", run.run_id)

    assert (again.frames, again.provider, again.reply.failed) == (run.frames, "other", run.reply.failed)


async def test_a_run_outside_any_chat_is_asked_again_and_falls_back_too(tmp_path: Path) -> None:
    limits: Limits = msgspec.structs.replace(AGAIN, attempts=2)
    async with heart(tmp_path, limits, ["other"]) as h:
        run = await h.chat.generate("", GenerateRequest("hi"))
        for number in range(2):
            (await h.puppet.call(number)).fail(ProviderUnavailable("not there"))
        (await h.providers.get("other").call(0)).finish("yes")
        await run.wait_ended()

    assert (run.reply.text, run.provider, run.model) == ("yes", "other", "other-wood")
    assert [told["provider"] for told in events(run, "retry")] == ["puppet", "other"]


async def test_each_failed_call_is_one_line_in_the_log_without_what_the_provider_said(tmp_path: Path) -> None:
    async with heart(tmp_path, AGAIN, ["other"]) as h:
        with capture_logs() as logged:
            run = await sent(h)
            for number in range(3):
                (await h.puppet.call(number)).fail(ProviderUnavailable("a private thing"))
            (await h.providers.get("other").call(0)).finish("yes")
            await run.wait_ended()

    told = [entry for entry in logged if entry["event"] == "call_failed"]
    assert [(entry["provider"], entry["next"]) for entry in told] == [
        ("puppet", "puppet"),
        ("puppet", "puppet"),
        ("puppet", "other"),
    ]
    assert "a private thing" not in str([entry for entry in logged if "stamina" not in entry["event"]])


async def test_a_failed_call_says_how_long_the_reader_had_waited(tmp_path: Path) -> None:
    async with heart(tmp_path, AGAIN) as h:
        run = await sent(h)
        for number in range(2):
            (await h.puppet.call(number)).fail(ProviderUnavailable("not there"))
        (await h.puppet.call(2)).finish("yes")
        await run.wait_ended()

    first, second = run.reply.failed
    assert isinstance(first, FailedCall)
    assert run.reply.stats is not None
    assert run.reply.stats.time_to_first_token_ms is not None
    assert 0 <= first.elapsed_ms <= second.elapsed_ms <= run.reply.stats.time_to_first_token_ms


async def test_two_runs_whose_calls_fail_at_once_wait_by_themselves(tmp_path: Path) -> None:
    async with heart(tmp_path, AGAIN) as h:
        runs = [await h.chat.generate("", GenerateRequest(f"q{number}")) for number in range(2)]
        for number in range(2):
            (await h.puppet.call(number)).fail(ProviderUnavailable("not there"))
        for number in (2, 3):
            call = await h.puppet.call(number)
            call.finish(f"a{str(call.request.messages[-1].content)[1:]}")
        await asyncio.gather(*(run.wait_ended() for run in runs))

    assert [run.reply.text for run in runs] == ["a0", "a1"]
