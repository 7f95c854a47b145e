import asyncio
from collections.abc import Collection, Mapping, Sequence

import pytest

from chatkeep.chat.events import Delta, JournalLine, Start
from chatkeep.chat.model import Message
from chatkeep.chat.ports import RunRecord
from chatkeep.chat.recorder import Recorder
from chatkeep.chat.run import Run
from chatkeep.errors import StorageFailed, StorageFull

pytestmark = pytest.mark.anyio


class SlowLog:
    """A RunLog whose writes wait for the test, or fail."""

    def __init__(self) -> None:
        self.batches: list[dict[str, bytes]] = []
        self.allowed = asyncio.Event()
        self.refusal: StorageFailed | None = None

    async def create(self, record: RunRecord, lines: bytes) -> None:
        return

    async def append(self, lines: Mapping[str, bytes], last: Collection[str]) -> dict[str, StorageFailed]:
        self.batches.append(dict(lines))
        await self.allowed.wait()
        return dict.fromkeys(lines, self.refusal) if self.refusal else {}

    async def read(self, run_id: str) -> tuple[RunRecord, list[JournalLine]] | None:
        return None

    async def unfinished(self) -> Sequence[tuple[RunRecord, list[JournalLine]]]:
        return []

    async def discard(self, run_ids: Collection[str]) -> None:
        return


def a_run(run_id: str) -> Run:
    user = Message(id="msg_1", role="user", content="hi")
    return Run(RunRecord(run_id, "", "chat", "msg_2", user, "puppet", "wood", "2026-01-01T00:00:00.000000Z"))


def took(run: Run, *texts: str) -> Run:
    for text in texts:
        run.take(Delta(text))
    return run


async def test_what_comes_while_the_journal_is_busy_goes_in_one_write_for_all_runs() -> None:
    log = SlowLog()
    recorder = Recorder(log, lost=lambda run, error: None)
    recorder.start()
    one, two = a_run("run_1"), a_run("run_2")
    recorder.publish(took(one, "a"))
    while not log.batches:
        await asyncio.sleep(0)

    recorder.publish(took(one, "b", "c"))
    recorder.publish(took(two, "d"))
    assert (one.last_event_id, two.last_event_id) == (-1, -1)
    log.allowed.set()
    while two.last_event_id < 0:
        await two.changed()

    assert [sorted(batch) for batch in log.batches] == [["run_1"], ["run_1", "run_2"]]
    assert (one.last_event_id, two.last_event_id) == (2, 0)
    await recorder.aclose()


async def test_events_that_could_not_be_written_are_not_shown_and_are_kept_for_later() -> None:
    log, lost = SlowLog(), list[tuple[Run, StorageFailed]]()
    log.allowed.set()
    log.refusal = StorageFull("full")
    recorder = Recorder(log, lost=lambda run, error: lost.append((run, error)))
    recorder.start()
    run = took(a_run("run_1"), "a")
    recorder.publish(run)
    while not lost:
        await asyncio.sleep(0)
    assert (run.last_event_id, lost) == (-1, [(run, log.refusal)])

    log.refusal = None
    recorder.publish(took(run, "b"))
    await recorder.aclose()

    assert run.last_event_id == 1
    assert log.batches[-1]["run_1"].count(b"\n") == 2


async def test_closing_writes_what_is_waiting() -> None:
    log = SlowLog()
    log.allowed.set()
    recorder = Recorder(log, lost=lambda run, error: None)
    recorder.start()
    run = a_run("run_1")
    run.take(Start("run_1", "chat", "msg_2", "puppet", "wood"))
    recorder.publish(run)

    await recorder.aclose()

    assert run.last_event_id == 0
