"""Check the bytes of one run's journal. No disk."""

from typing import Literal

import msgspec

from chatkeep.chat.events import JournalLine
from chatkeep.chat.ports import RunRecord
from chatkeep.storage.checking.finding import Code, Fault
from chatkeep.storage.journal import parse_journal

State = Literal["unreadable", "never begun", "unfinished", "finished"]


class JournalReport(msgspec.Struct, frozen=True):
    """What was found in one journal. The first `whole_bytes` are right; what comes after them is void.

    One that is `never begun` was cut before its run was acknowledged; `run_id` is the one its record names.
    """

    state: State
    faults: list[Fault]
    whole_bytes: int = 0
    run_id: str = ""


def check_journal(data: bytes) -> JournalReport:
    """What is wrong with `data`, a whole journal. Never raises."""
    parsed = parse_journal(data)
    if parsed is None:
        if b"\n" not in data:
            return JournalReport("never begun", [])
        return JournalReport("unreadable", [Fault(Code.JOURNAL_UNREADABLE, "Its first line is no record of a run.")])
    record, lines, whole = parsed
    return _of_lines(data, record, lines, whole)


def _of_lines(data: bytes, record: RunRecord, lines: list[JournalLine], whole: int) -> JournalReport:
    end = next((place for place, line in enumerate(lines) if line.is_last), None)
    if end is not None:
        # The record, and then the lines up to the end: parse_journal takes a line of bytes for each.
        kept = len(b"".join(data[:whole].splitlines(keepends=True)[: end + 2]))
        rest = len(data) - kept
        what = f"Behind its last event stand {rest} bytes that no run wrote."
        faults = [Fault(Code.JOURNAL_AFTER_END, what)] if rest else []
        return JournalReport("finished", faults, kept, record.run_id)
    rest_of = data[whole:]
    faults = [_void(rest_of, len(lines))] if rest_of else []
    return JournalReport("unfinished", faults, whole, record.run_id)


def _void(rest: bytes, expected: int) -> Fault:
    """Why `rest` is no further event."""
    first = rest.partition(b"\n")[0]
    try:
        number = msgspec.json.decode(first, type=JournalLine).id
    except (msgspec.MsgspecError, ValueError, RecursionError):
        number = expected
    if number != expected:
        return Fault(Code.JOURNAL_GAP, f"Event {number} stands where {expected} should: what follows cannot be used.")
    return Fault(Code.JOURNAL_TORN, f"Its last {len(rest)} bytes are no whole event: a crash has cut them.")
