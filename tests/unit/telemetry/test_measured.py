from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from chatkeep.access.answered import Answered
from chatkeep.chat.events import JournalLine
from chatkeep.chat.ports import RunRecord
from chatkeep.errors import StorageFailed, StorageFull
from chatkeep.storage.files import FileStore
from chatkeep.telemetry.instruments import Instruments

pytestmark = pytest.mark.anyio


class FullLog:
    """A journal on a full disk."""

    async def create(self, record: RunRecord, lines: bytes) -> None:
        raise StorageFull("full")

    async def append(self, lines: Mapping[str, bytes], last: Collection[str]) -> dict[str, StorageFailed]:
        return {run_id: StorageFull("full") for run_id in lines}

    async def read(self, run_id: str) -> tuple[RunRecord, list[JournalLine]] | None:
        raise StorageFull("full")

    async def unfinished(self) -> Sequence[tuple[RunRecord, list[JournalLine]]]:
        return []

    async def discard(self, run_ids: Collection[str]) -> None:
        return


async def test_a_journal_that_fails_is_counted_once_for_each_run_however_it_says_so() -> None:
    instruments = Instruments("1", log_requests=False, metrics=True, traces=False)
    log = instruments.journal(FullLog())

    failed = await log.append({"a": b"", "b": b""}, ())
    with pytest.raises(StorageFull):
        await log.read("a")

    assert set(failed) == {"a", "b"}
    assert instruments.metrics is not None
    page = instruments.metrics.page("")[0].decode()
    counted = {
        sample.labels["operation"]: sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
        if sample.name == "chatkeep_journal_failures_total"
    }
    assert (counted["append"], counted["read"], counted["create"]) == (2, 1, 0)


def test_what_is_switched_off_is_not_there(tmp_path: Path) -> None:
    instruments = Instruments("1", log_requests=False, metrics=False, traces=False)
    store = FileStore(tmp_path, run_kept_s=1, trash_days=1)

    assert instruments.store(store) is store
    assert instruments.journal(store.log) is store.log
    assert (instruments.on_request, instruments.on_run, instruments.around_request) == ([], [], None)


def test_two_servers_in_a_process_count_for_themselves() -> None:
    first, second = (Instruments("1", log_requests=False, metrics=True, traces=False) for _ in range(2))
    assert first.metrics is not None
    assert second.metrics is not None

    first.metrics.requests(Answered("GET", "/", 200, 0.1, 1, None))

    assert b'route="/"' in first.metrics.page("")[0]
    assert b'route="/"' not in second.metrics.page("")[0]
