"""The audit log loses no line to one that a full disk or a kill cut."""

from pathlib import Path

import pytest

from chatkeep.access.audit import AuditEntry
from chatkeep.storage.audit import AuditLog


def entry(what: str) -> AuditEntry:
    return AuditEntry("2026-01-01T00:00:00.000000Z", "alice", what)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / ".chatkeep").mkdir()
    return tmp_path / ".chatkeep" / "audit.jsonl"


def test_the_newest_come_first_and_no_more_than_asked_for(tmp_path: Path, path: Path) -> None:
    log = AuditLog(tmp_path)
    for number in range(5):
        log.append(entry(str(number)))

    assert [each.what for each in log.newest(3)] == ["4", "3", "2"]
    assert path.stat().st_mode & 0o077 == 0


def test_a_line_that_was_cut_does_not_swallow_the_next(tmp_path: Path, path: Path) -> None:
    AuditLog(tmp_path).append(entry("whole"))
    with path.open("ab") as file:
        file.write(b'{"at":"2026-01-01T00:00:0')

    AuditLog(tmp_path).append(entry("after"))

    assert [each.what for each in AuditLog(tmp_path).newest(10)] == ["after", "whole"]


def test_a_log_that_was_moved_away_begins_anew(tmp_path: Path, path: Path) -> None:
    log = AuditLog(tmp_path)
    log.append(entry("old"))
    path.rename(path.with_suffix(".old"))
    log.append(entry("new"))

    assert [each.what for each in log.newest(10)] == ["new"]
