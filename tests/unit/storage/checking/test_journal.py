"""The check of one journal's bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.storage.checking.finding import Code
from chatkeep.storage.checking.journal import check_journal
from chatkeep.storage.journal import parse_journal
from tests.unit.storage.checking.journals import journal


@pytest.mark.parametrize("ended", [True, False])
def test_a_whole_journal_has_no_findings(ended: bool) -> None:
    data = journal(ended=ended)
    report = check_journal(data)

    assert report.faults == []
    assert report.state == ("finished" if ended else "unfinished")
    assert (report.run_id, report.whole_bytes) == ("run_1", len(data))


def test_wherever_a_journal_is_cut_it_is_torn_or_whole_or_was_never_begun() -> None:
    whole = journal()
    record = whole.index(b"\n") + 1
    for length in range(len(whole)):
        report = check_journal(whole[:length])
        if length < record:
            assert (report.state, report.faults) == ("never begun", [])
            continue
        at_line_end = whole[length - 1 : length] == b"\n"
        assert report.state == "unfinished"
        assert [fault.code for fault in report.faults] == ([] if at_line_end else [Code.JOURNAL_TORN])
        assert report.whole_bytes == whole[:length].rindex(b"\n") + 1


@given(st.binary(max_size=40), st.integers(0, 400), st.booleans())
def test_whatever_stands_in_a_journal_what_is_left_of_it_has_no_findings(
    damage: bytes, place: int, ended: bool
) -> None:
    data = journal(ended=ended)
    damaged = data[:place] + damage + data[place + len(damage) :]

    report = check_journal(damaged)

    if report.state in ("finished", "unfinished"):
        rest = check_journal(damaged[: report.whole_bytes])
        assert rest.faults == []
        assert rest.state == report.state
        kept = parse_journal(damaged)
        assert kept is not None
    assert all(fault.what.isprintable() for fault in report.faults)


def test_a_gap_in_the_numbers_is_named() -> None:
    lines = journal().splitlines(keepends=True)
    (fault,) = check_journal(b"".join(lines[:2] + lines[3:])).faults

    assert fault.code is Code.JOURNAL_GAP
    assert "Event 2 stands where 1 should" in fault.what


def test_what_stands_behind_the_end_is_found_also_a_second_end() -> None:
    data = journal()
    for more in (
        b'{"id":5,"event":"done"',
        data.splitlines(keepends=True)[-1].replace(b'"id":4', b'"id":5'),
        b"\0\0\n",
    ):
        report = check_journal(data + more)
        assert [fault.code for fault in report.faults] == [Code.JOURNAL_AFTER_END]
        assert (report.state, report.whole_bytes) == ("finished", len(data))


@pytest.mark.parametrize("first", [b"{}\n", b"\n", b'{"run_id": "\xff"}\n', b"[" * 100_000 + b"\n"])
def test_a_journal_without_its_record_is_unreadable(first: bytes) -> None:
    report = check_journal(first + journal().partition(b"\n")[2])

    assert report.state == "unreadable"
    assert [fault.code for fault in report.faults] == [Code.JOURNAL_UNREADABLE]
