"""Titles that a model writes: what of its answer is taken, and when it is stored."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from chatkeep.chat.events import UsageReport
from chatkeep.chat.messages import SendRequest
from chatkeep.chat.model import Chat, ChatKey, Usage
from chatkeep.chat.run import Run
from chatkeep.chat.titles import Titles, title_in
from chatkeep.errors import ChatNotFound, ProviderFailed, StorageFull
from tests.puppet import LIMITS, Heart, heart

KEY = ChatKey("", "chat")
FIRST = "What is the largest moon of Saturn, please?"


@pytest.mark.parametrize(
    ("answer", "title"),
    [
        ("Moons of Saturn", "Moons of Saturn"),
        ("  Moons of Saturn.\n", "Moons of Saturn"),
        ('"Moons of Saturn"', "Moons of Saturn"),
        ("“Moons of Saturn.”", "Moons of Saturn"),
        ("«Les lunes»", "Les lunes"),
        ("「土星の衛星」", "土星の衛星"),
        ("'Moons' of Saturn", "'Moons' of Saturn"),
        ("\u2018Moons of Saturn\u2019", "Moons of Saturn"),
        ("Saturn's moons", "Saturn's moons"),
        ("**Moons of Saturn**", "Moons of Saturn"),
        ("# Moons of Saturn", "Moons of Saturn"),
        ("### **Moons** of _Saturn_", "Moons of Saturn"),
        ("- `Moons` of ~~Jupiter~~ Saturn", "Moons of Jupiter Saturn"),
        ("1. Moons of Saturn", "Moons of Saturn"),
        ("[Moons](https://example.org/a) of Saturn", "Moons of Saturn"),
        ("Title: Moons of Saturn", "Moons of Saturn"),
        ('**Title:** "Moons of Saturn"', "Moons of Saturn"),
        ("Here is a title:\n\nMoons of Saturn", "Moons of Saturn"),
        ("\n\n```\nMoons of Saturn\n```", "Moons of Saturn"),
        ("<think>Title: Mars</think>\nMoons of Saturn", "Moons of Saturn"),
        ("Moons of Saturn\nIt has many.", "Moons of Saturn"),
        ("Moons\tof \u202eSaturn\x00\u200b", "Moons of Saturn"),
        ("my_snake_case in 2*3*4", "my_snake_case in 2*3*4"),
        ("And so on...", "And so on..."),
        ("Titles: how to write them", "Titles: how to write them"),
        ("2001: A Space Odyssey", "2001: A Space Odyssey"),
    ],
)
def test_the_title_of_an_answer_is_one_line_of_plain_text(answer: str, title: str) -> None:
    assert title_in(answer) == title


@pytest.mark.parametrize(
    "answer", ["", " \n ", '""', "***", "```\n```", "<think>Moons of Saturn", "Title:", "\x00\u200b"]
)
def test_an_answer_that_says_nothing_has_no_title(answer: str) -> None:
    assert title_in(answer) is None


@pytest.mark.parametrize("answer", ["moon " * 1000, "月" * 500, "*" * 100_000, "_a" * 50_000, "[" * 50_000, "a" * 5000])
def test_a_title_has_at_most_80_characters_whatever_comes(answer: str) -> None:
    title = title_in(answer)

    assert title is None or len(title) <= 80


class Titled:
    """A heart whose puppet also writes titles. `asked` are the runs that were told of."""

    def __init__(self, running: Heart, within_s: float) -> None:
        self.heart = running
        self.asked: list[Run] = []
        self.titles = Titles(running.store, running.providers, LIMITS, self.asked.append, within_s)
        running.observers.add(self.titles)

    async def turn(self, number: int = 0, message: str = FIRST, reply: str = "Titan.") -> Run:
        """Send a message and have it answered by the call of that number."""
        run = await self.heart.chat.send("", SendRequest(message, "chat"))
        (await self.heart.puppet.call(number)).finish(reply)
        await run.wait_ended()
        return run

    async def settled(self) -> Chat:
        """The chat, when nobody writes a title any more."""
        while going := [task for task in asyncio.all_tasks() if task.get_name().startswith("title-")]:
            await asyncio.wait(going)
        return await self.heart.store.load(KEY)


@asynccontextmanager
async def titled(folder: Path, within_s: float = 60) -> AsyncIterator[Titled]:
    async with heart(folder) as running:
        made = Titled(running, within_s)
        try:
            yield made
        finally:
            await made.titles.aclose()


@pytest.mark.anyio
async def test_after_the_first_turn_the_model_that_replied_is_asked_for_a_title(tmp_path: Path) -> None:
    async with titled(tmp_path) as t:
        await t.turn(reply="Titan </assistant> it is.")
        call = await t.heart.puppet.call(1)
        assert (await t.heart.store.load(KEY)).title == FIRST  # at once, without asking

        call.finish("**Saturn's ", "largest moon**")
        chat = await t.settled()
        assert [earlier.title for earlier in await t.heart.store.generations(KEY)] == [FIRST]

    asked = str(call.request.messages[0].content)
    assert (call.request.model, len(call.request.messages)) == ("wood", 1)
    assert f"<user>\n{FIRST}\n</user>" in asked
    assert "<assistant>\nTitan   it is.\n</assistant>" in asked
    assert (chat.title, chat.revision) == ("Saturn's largest moon", 2)
    assert [message.text for message in chat.messages[1:]] == [FIRST, "Titan </assistant> it is."]


@pytest.mark.anyio
async def test_asking_for_a_title_is_no_run_of_anybody_and_is_counted(tmp_path: Path) -> None:
    async with titled(tmp_path) as t:
        run = await t.turn()
        call = await t.heart.puppet.call(1)

        assert t.heart.chat.live_runs(None) == []
        call.queue.put_nowait(UsageReport(Usage(70, 5, 75)))
        call.finish("Titan")
        await t.settled()

        assert [row.run_id for row in await t.heart.chat.exchanges("", limit=10, offset=0)] == [run.run_id]
        assert [(told.provider, told.model, told.reply.usage) for told in t.asked] == [
            ("puppet", "wood", Usage(70, 5, 75))
        ]
        assert t.heart.puppet.reports == [None, None]
        assert (tmp_path / ".chatkeep" / "runs" / f"{t.asked[0].run_id}.jsonl").exists() is False


@pytest.mark.anyio
async def test_only_the_first_turn_of_a_chat_is_given_a_title(tmp_path: Path) -> None:
    async with titled(tmp_path) as t:
        await t.turn()
        (await t.heart.puppet.call(1)).finish("Titan")
        await t.settled()

        await t.turn(2, "And the second largest?")
        chat = await t.settled()

    assert (len(t.heart.puppet.calls), chat.title, chat.revision) == (3, "Titan", 3)


@pytest.mark.anyio
async def test_a_title_that_somebody_gave_meanwhile_stays(tmp_path: Path) -> None:
    async with titled(tmp_path) as t:
        await t.turn()
        call = await t.heart.puppet.call(1)
        chat = await t.heart.store.load(KEY)
        await t.heart.store.save(KEY, msgspec.structs.replace(chat, title="Mine", revision=2))

        call.finish("Titan")
        chat = await t.settled()

    assert (chat.title, chat.revision) == ("Mine", 2)


@pytest.mark.anyio
async def test_a_chat_that_was_deleted_meanwhile_does_not_come_back(tmp_path: Path) -> None:
    async with titled(tmp_path) as t:
        await t.turn()
        call = await t.heart.puppet.call(1)
        await t.heart.chat.delete("", "chat", purge=False)

        call.finish("Titan")
        with pytest.raises(ChatNotFound):
            await t.settled()

    assert not (tmp_path / "chat.json").exists()


@pytest.mark.anyio
async def test_a_second_turn_and_the_title_both_come_into_the_chat(tmp_path: Path) -> None:
    async with titled(tmp_path) as t:
        await t.turn()
        call = await t.heart.puppet.call(1)
        second = await t.heart.chat.send("", SendRequest("And the next?", "chat"))
        reply = await t.heart.puppet.call(2)

        call.finish("Titan")
        await t.settled()
        reply.finish("Rhea.")
        await second.wait_ended()

        chat = await t.heart.store.load(KEY)
    assert (chat.title, chat.revision) == ("Titan", 3)
    assert [message.text for message in chat.messages[1:]] == [FIRST, "Titan.", "And the next?", "Rhea."]


@pytest.mark.anyio
async def test_a_model_that_fails_leaves_the_first_title_and_a_line_in_the_log(tmp_path: Path) -> None:
    async with titled(tmp_path) as t:
        with capture_logs() as logged:
            run = await t.turn()
            (await t.heart.puppet.call(1)).fail(ProviderFailed("It broke."))
            chat = await t.settled()

    assert (chat.title, chat.revision, run.state) == (FIRST, 1, "completed")
    assert [entry["code"] for entry in logged if entry["event"] == "title_not_made"] == ["provider_error"]


@pytest.mark.anyio
async def test_a_model_that_takes_too_long_is_let_go_of(tmp_path: Path) -> None:
    async with titled(tmp_path, within_s=0.02) as t:
        await t.turn()
        call = await t.heart.puppet.call(1)
        call.say("Tit")
        chat = await t.settled()

    assert call.closed
    assert (chat.title, chat.revision) == (FIRST, 1)
    assert t.heart.puppet.reports == [None]  # who was asked is not blamed


@pytest.mark.anyio
async def test_a_title_that_finds_no_room_is_dropped(tmp_path: Path) -> None:
    async with titled(tmp_path) as t:
        with capture_logs() as logged:
            await t.turn()
            call = await t.heart.puppet.call(1)
            t.heart.store.refusal = StorageFull("full")
            call.finish("Titan")
            chat = await t.settled()

    assert (chat.title, chat.revision) == (FIRST, 1)
    assert [entry["code"] for entry in logged if entry["event"] == "title_not_stored"] == ["storage_full"]


@pytest.mark.anyio
async def test_a_stop_does_not_wait_for_titles(tmp_path: Path) -> None:
    async with titled(tmp_path) as t:
        await t.turn()
        call = await t.heart.puppet.call(1)

        await t.titles.aclose()

    assert call.closed
    assert b'"revision": 1' in (tmp_path / "chat.json").read_bytes()


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["stopped", "failed", "empty"])
async def test_a_first_turn_that_did_not_complete_is_given_no_title(tmp_path: Path, end: str) -> None:
    async with titled(tmp_path) as t:
        run = await t.heart.chat.send("", SendRequest(FIRST, "chat"))
        call = await t.heart.puppet.call(0)
        if end == "empty":
            call.finish()
        elif end == "failed":
            call.say("Ti")
            call.fail(ProviderFailed("It broke."))
        else:
            await t.heart.chat.stop("", run.run_id)
        await run.wait_ended()
        await t.settled()

    assert len(t.heart.puppet.calls) == 1


@pytest.mark.anyio
async def test_only_a_few_titles_are_written_at_once(tmp_path: Path) -> None:
    async with titled(tmp_path) as t:
        runs = [await t.heart.chat.send("", SendRequest(FIRST, f"chat-{number}")) for number in range(5)]
        for number in range(5):
            (await t.heart.puppet.call(number)).finish("Titan.")
        for run in runs:
            await run.wait_ended()
        for number in (5, 6):
            await t.heart.puppet.call(number)
        await t.heart.chat.exchanges("", limit=1, offset=0)  # time for a third

        assert len(t.heart.puppet.calls) == 7
        t.heart.puppet.calls[5].finish("One")
        await t.heart.puppet.call(7)
