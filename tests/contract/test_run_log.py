"""The contract of RunLog, over every implementation."""

from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from chatkeep.chat.events import Delta, Done, RunEvent, Start, encode
from chatkeep.chat.model import Message, Stats, Usage
from chatkeep.chat.ports import RunLog, RunRecord
from chatkeep.storage.journal import FileRunLog

pytestmark = pytest.mark.anyio

OpenLog = Callable[[], RunLog]

EVENTS: list[RunEvent] = [
    Start("run_1", "chat", "msg_2", "puppet", "wood"),
    Delta("héllo\u2028"),
    Done("stop", Usage(1, 2, 3), Stats(None, 0.0, None), "msg_2", "completed"),
]
LINES = [encode(number, event)[1] for number, event in enumerate(EVENTS)]


def record(run_id: str = "run_1", created_at: str = "2026-01-01T00:00:00.000000Z") -> RunRecord:
    user = Message(id="msg_1", role="user", content="hi", timestamp=created_at)
    return RunRecord(run_id, "alice", "chat", "msg_2", user, "puppet", "wood", created_at)


@pytest.fixture(params=["files"])
async def open_log(tmp_path: Path) -> AsyncIterator[OpenLog]:
    """Each call opens the same log anew, as a later process would."""
    with ThreadPoolExecutor(2) as threads:
        opened: list[FileRunLog] = []

        def again() -> RunLog:
            opened.append(FileRunLog(tmp_path, threads, kept_s=3600))
            return opened[-1]

        yield again
        for log in opened:
            log.close()


async def test_what_was_appended_is_read_in_order(open_log: OpenLog) -> None:
    log = open_log()
    await log.create(record(), LINES[0])
    assert await log.append({"run_1": LINES[1] + LINES[2]}, last=["run_1"]) == {}

    kept = await log.read("run_1")

    assert kept is not None
    assert kept[0] == record()
    assert [line.decoded() for line in kept[1]] == EVENTS


@pytest.mark.parametrize("run_id", ["run_2", "../run_1", "", "run_1.jsonl", "a/b"])
async def test_an_unknown_run_is_none(open_log: OpenLog, run_id: str) -> None:
    log = open_log()
    await log.create(record(), b"")

    assert await log.read(run_id) is None


async def test_a_run_without_its_last_event_is_unfinished_for_the_next_process(open_log: OpenLog) -> None:
    before = open_log()
    for run_id, moment in (("run_2", "2026-01-02"), ("run_1", "2026-01-01"), ("run_3", "2026-01-03")):
        await before.create(record(run_id, f"{moment}T00:00:00.000000Z"), b"")
    await before.append({"run_1": LINES[0], "run_3": b"".join(LINES)}, last=["run_3"])

    log = open_log()
    found = await log.unfinished()

    assert [(each.run_id, len(lines)) for each, lines in found] == [("run_1", 1), ("run_2", 0)]
    await log.append({"run_1": LINES[1] + LINES[2]}, last=["run_1"])
    kept = await log.read("run_1")
    assert kept is not None
    assert [line.decoded() for line in kept[1]] == EVENTS


async def test_a_discarded_run_is_gone_and_takes_no_more_events(open_log: OpenLog) -> None:
    log = open_log()
    await log.create(record(), b"")

    await log.discard(["run_1", "run_unknown"])

    assert await log.append({"run_1": LINES[0]}, last=[]) == {}
    assert await log.read("run_1") is None
    assert await log.unfinished() == []


class TestFiles:
    """What only files can suffer."""

    async def test_a_line_that_a_kill_tore_is_cut_off(self, tmp_path: Path, open_log: OpenLog) -> None:
        log = open_log()
        await log.create(record(), b"")
        await log.append({"run_1": LINES[0]}, last=[])
        path = tmp_path / "run_1.jsonl"
        whole = path.read_bytes()
        for cut in range(1, len(LINES[1])):
            path.write_bytes(whole + LINES[1][:cut])

            again = open_log()
            ((_, lines),) = await again.unfinished()
            await again.append({"run_1": LINES[1]}, last=[])

            assert len(lines) == 1
            assert path.read_bytes() == whole + LINES[1]

    async def test_a_journal_whose_record_was_torn_was_never_acknowledged_and_is_removed(
        self, tmp_path: Path, open_log: OpenLog
    ) -> None:
        (tmp_path / "run_1.jsonl").write_bytes(msgspec.json.encode(record())[:-5])

        assert await open_log().unfinished() == []
        assert list(tmp_path.iterdir()) == []

    async def test_a_journal_whose_record_cannot_be_read_is_set_aside(self, tmp_path: Path, open_log: OpenLog) -> None:
        newer = msgspec.json.encode(record()).replace(b'{"run_id"', b'{"user2":1,"run_id":5,"run_id2"') + b"\n"
        (tmp_path / "run_1.jsonl").write_bytes(newer)

        assert await open_log().unfinished() == []
        assert (tmp_path / "run_1.unreadable").read_bytes() == newer

    async def test_events_behind_a_hole_are_void(self, tmp_path: Path, open_log: OpenLog) -> None:
        log = open_log()
        await log.create(record(), b"")
        await log.append({"run_1": LINES[0] + b"\0\0\0\n" + LINES[1]}, last=[])

        kept = await log.read("run_1")

        assert kept is not None
        assert len(kept[1]) == 1

    async def test_a_finished_journal_goes_after_its_time(self, tmp_path: Path) -> None:
        with ThreadPoolExecutor(1) as threads:
            log = FileRunLog(tmp_path, threads, kept_s=0)
            await log.create(record("run_1"), b"")
            await log.create(record("run_2"), b"")
            await log.append({"run_1": b"".join(LINES)}, last=["run_1"])

            await log.remove_expired()

            assert [path.stem for path in tmp_path.iterdir()] == ["run_2"]
            log.close()
