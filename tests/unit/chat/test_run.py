import asyncio

import msgspec
import pytest

from chatkeep.chat.events import Delta, Done, JournalLine, Reasoning, Start, UsageReport
from chatkeep.chat.follow import PING, check_position, follow, follow_text, wait_for_text
from chatkeep.chat.model import Message, Stats, ToolCall, Usage
from chatkeep.chat.ports import RunRecord
from chatkeep.chat.run import Run, RunState
from chatkeep.errors import ChatkeepError, RunExpired
from tests.puppet import numbers

USAGE = Usage(1, 2, 3)
DONE = Done("stop", USAGE, Stats(None, 0.0, None), "msg_2", "completed")

pytestmark = pytest.mark.anyio


def a_run() -> Run:
    user = Message(id="msg_1", role="user", content="hi")
    return Run(RunRecord("run_1", "", "chat", "msg_2", user, "puppet", "wood", "2026-01-01T00:00:00.000000Z"))


def taken(*texts: str) -> Run:
    run = a_run()
    run.take(Start("run_1", "chat", "msg_2", "puppet", "wood"))
    for text in texts:
        run.take(Delta(text))
    return run


async def test_an_event_is_not_seen_before_the_journal_has_it() -> None:
    run = taken("secret")

    assert run.piece_after(-1)[0] == b""
    assert run.visible_text == ""

    run.reveal_all()

    assert numbers(run.piece_after(-1)[0]) == [0, 1]
    assert run.visible_text == "secret"


async def test_reasoning_and_calls_are_seen_as_far_as_the_events_are() -> None:
    run, call = taken(), ToolCall("call_0", "add", "{}")
    run.take(Reasoning("Let "))
    run.reveal_all()
    run.take(Reasoning("me."))
    run.take(call)

    assert (run.visible_reasoning, run.visible_tool_calls) == ("Let ", [])

    run.reveal_all()

    assert (run.visible_reasoning, run.visible_tool_calls) == ("Let me.", [call])


async def test_nothing_follows_the_last_event() -> None:
    run = taken()
    run.take(DONE)

    with pytest.raises(ChatkeepError):
        run.take(Delta("late"))


async def test_a_run_has_ended_only_when_its_last_event_is_revealed() -> None:
    run = taken()
    run.take(DONE)
    assert (run.closed, run.ended) == (True, False)

    run.reveal_all()

    assert run.ended


async def test_lines_that_could_not_be_written_come_again_before_newer_ones() -> None:
    run = taken("a")
    lines, _ = run.unwritten()
    run.take(Delta("b"))

    run.take_back(lines)

    again, count = run.unwritten()
    assert [msgspec.json.decode(line, type=JournalLine).id for line in again] == [0, 1, 2]
    assert count == 3


async def test_a_resumed_run_shows_the_same_bytes_and_text() -> None:
    run = taken("one ", "two")
    run.take(UsageReport(USAGE))
    run.take(DONE)
    lines, _ = run.unwritten()
    run.reveal_all()

    again = a_run()
    again.resume([msgspec.json.decode(line, type=JournalLine) for line in lines])

    assert again.piece_after(-1)[0] == run.piece_after(-1)[0]
    assert again.visible_text == again.reply.text == "one two"
    assert (again.state, again.ended, again.reply.usage) == (RunState.COMPLETED, True, USAGE)


async def test_a_replay_comes_in_pieces_of_whole_events_that_no_slow_reader_makes_large() -> None:
    run = taken(*["x" * 1000] * 200, "y" * 100_000, "z")
    run.take(DONE)
    run.reveal_all()

    pieces = [piece async for piece in follow(run)]
    texts = [text async for text in follow_text(run)]

    assert b"".join(pieces) == b"".join(run.frames)
    assert "".join(texts) == run.visible_text
    assert all(piece.endswith(b"\n\n") for piece in pieces)
    assert sorted(map(len, pieces))[-2] <= 65536 < max(map(len, pieces))
    assert [numbers(piece) for piece in pieces if len(piece) > 65536] == [[201]]
    assert sorted(map(len, texts))[-2] <= 65536


async def test_events_that_came_together_leave_as_one_piece() -> None:
    run = taken("a", "b")
    run.take(DONE)
    run.reveal_all()

    pieces = [piece async for piece in follow(run)]

    assert [numbers(piece) for piece in pieces] == [[0, 1, 2, 3]]


async def test_a_follower_sees_later_events_as_they_are_revealed_and_then_the_end() -> None:
    run = taken()
    run.reveal_all()
    pieces = follow(run, ping_s=60)
    assert numbers(await anext(pieces)) == [0]
    assert await anext(pieces) == PING

    waiting = asyncio.ensure_future(anext(pieces))
    await asyncio.sleep(0)
    run.take(DONE)
    run.reveal_all()

    assert numbers(await waiting) == [1]
    assert [piece async for piece in pieces] == []


async def test_a_ping_comes_at_once_when_there_is_nothing_to_send() -> None:
    pieces = follow(a_run(), ping_s=60)

    assert await anext(pieces) == PING


async def test_a_follower_that_is_cancelled_does_not_disturb_another() -> None:
    run = taken()
    left, right = follow(run), follow(run)
    assert (await anext(left), await anext(right)) == (PING, PING)
    waiting = [asyncio.ensure_future(anext(each)) for each in (left, right)]
    await asyncio.sleep(0)

    waiting[0].cancel()
    await asyncio.sleep(0)
    run.reveal_all()

    assert numbers(await waiting[1]) == [0]


async def test_a_position_beyond_the_last_event_is_refused() -> None:
    run = taken()
    run.reveal_all()

    check_position(run, 0)
    with pytest.raises(RunExpired):
        check_position(run, 1)


async def test_a_position_in_a_run_made_anew_from_its_text_is_refused() -> None:
    run = taken("whole text")
    run.reveal_all()
    run.replayable = False

    check_position(run, -1)
    with pytest.raises(RunExpired):
        check_position(run, 0)


async def test_a_slow_follower_gets_what_came_while_it_took_the_piece_before() -> None:
    run = taken("one")
    run.reveal_all()
    pieces = follow(run)
    first = await anext(pieces)
    run.take(Delta("two"))
    run.take(DONE)
    run.reveal_all()

    rest = b"".join([piece async for piece in pieces])

    assert numbers(first) + numbers(rest) == [0, 1, 2, 3]


async def test_the_text_of_a_run_is_followed_to_its_end_also_by_a_slow_reader() -> None:
    run = taken("one ")
    run.reveal_all()
    texts = follow_text(run)
    first = await anext(texts)
    run.take(Reasoning("hm"))
    run.take(Delta("two"))
    run.take(DONE)
    run.reveal_all()

    assert [first, *[text async for text in texts]] == ["one ", "two"]


async def test_whether_a_run_has_text_is_known_with_its_first_text_or_at_its_end() -> None:
    speaking, silent = taken(), taken()
    waiting = [asyncio.create_task(wait_for_text(run)) for run in (speaking, silent)]
    for run in (speaking, silent):
        run.take(Reasoning("hm"))
        run.reveal_all()
    await asyncio.sleep(0)
    assert not any(task.done() for task in waiting)

    speaking.take(Delta("yes"))
    silent.take(DONE)
    for run in (speaking, silent):
        run.reveal_all()

    assert [await task for task in waiting] == [True, False]


def test_figures_are_there_while_a_reply_is_written_and_say_who_counted() -> None:
    run = taken()
    run.reply.begin()
    assert (run.reply.figures.tokens, run.reply.figures.stats.time_to_first_token_ms) == (0, None)

    run.reply.add(Delta("word"))
    while_going = run.reply.figures
    assert (while_going.tokens, while_going.estimated) == (1, True)
    assert while_going.stats.time_to_first_token_ms is not None
    assert run.reply.usage is None

    run.reply.add(UsageReport(USAGE))
    assert (run.reply.figures.tokens, run.reply.figures.estimated) == (2, False)
