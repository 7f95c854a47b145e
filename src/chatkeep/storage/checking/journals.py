"""Check the files of journals: `runs/<run>.jsonl`."""

import os
from collections.abc import Iterator
from pathlib import Path

from chatkeep.storage.atomic import read_regular
from chatkeep.storage.checking.chat import is_run_id
from chatkeep.storage.checking.finding import Code, Fault, Finding
from chatkeep.storage.checking.journal import JournalReport, check_journal
from chatkeep.storage.checking.quarantine import Quarantine
from chatkeep.storage.checking.reading import look
from chatkeep.storage.checking.scope import Scope

_SUFFIX = ".jsonl"
_SET_ASIDE = ".unreadable"  # storage/journal.py


def check_journal_file(scope: Scope, path: Path, found: os.stat_result) -> Iterator[Finding]:
    """Look at one file among the journals. Raises: OSError."""
    if path.suffix == _SET_ASIDE:
        what = "A server could not read this journal when it started, and put it aside."
        faults = [Fault(Code.JOURNAL_UNREADABLE, what)]
        yield from scope.found(path, faults, lambda into, why: into.move(path, why))
    elif path.suffix != _SUFFIX:
        yield from scope.found(path, [Fault(Code.FOREIGN_FILE, "It is no journal, and is left alone.")])
    else:
        report, _ = look(path, check_journal, lambda report: not report.faults)
        # Why: while a server runs, what has no end yet is being written.
        if scope.owner is not None and report.state in ("unfinished", "never begun"):
            return
        faults = [*report.faults, *_name(path, report), *_notes(scope, report, found)]
        yield from scope.found(path, faults, lambda into, why: _repair(path, report, into, why))


def _name(path: Path, report: JournalReport) -> Iterator[Fault]:
    if report.run_id and report.run_id != path.stem:
        yield Fault(
            Code.JOURNAL_NAME, f"It is the journal of run {ascii(report.run_id)[1:-1]}, and is named otherwise."
        )


def _notes(scope: Scope, report: JournalReport, found: os.stat_result) -> Iterator[Fault]:
    match report.state:
        case "unfinished":
            what = "Its run was going when its server ended; the next start puts it into its chat."
            yield Fault(Code.JOURNAL_UNFINISHED, what)
        case "never begun":
            what = "Its server was killed before the message was taken; the next start removes it."
            yield Fault(Code.JOURNAL_NEVER_BEGUN, what)
        case "finished" if scope.owner is None and scope.now_s - found.st_mtime > scope.run_kept_s:
            yield Fault(Code.JOURNAL_EXPIRED, "Its run is in its chat, and its time is over; a server removes it.")
        case _:
            return


def _repair(path: Path, report: JournalReport, into: Quarantine, faults: list[Fault]) -> None:
    target = path.with_name(f"{report.run_id}{_SUFFIX}")
    if not any(fault.code is Code.JOURNAL_NAME for fault in faults):
        if report.state == "unreadable":
            into.move(path, faults)
        else:
            into.cut(path, report.whole_bytes, faults)
    elif is_run_id(report.run_id) and not os.path.lexists(target):
        into.rename(path, read_regular(path)[0][: report.whole_bytes], target, faults)
    else:
        into.move(path, faults)
