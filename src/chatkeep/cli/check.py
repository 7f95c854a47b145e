"""`chatkeep check`: verify every file of the data folder, and repair it."""

import json
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Self

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.visible import visible
from chatkeep.errors import ChatkeepError, FolderInUse
from chatkeep.settings import WrongSettings, read_settings
from chatkeep.storage.checking.finding import Code, Finding
from chatkeep.storage.checking.folder import FolderCheck
from chatkeep.telemetry.logging import configure_logging

_MOST_NOTES = 5  # of one kind that are shown; all are counted, and `--json` has all
_PACE_S = 0.1  # between two moves of the progress bar


def check(chats_dir: Path | None, *, repair: bool, as_json: bool) -> ExitCode:
    """Print what is found; FAILED when something was, and is not repaired. Raises: CliError."""
    try:
        settings = read_settings(chats_dir=chats_dir)
        configure_logging("critical", as_json=None)  # what else would be logged of a file is a finding here
        with _Bar() as bar:
            found = FolderCheck(settings.chats_dir, run_kept_s=settings.run_kept_s, advance=bar.advance)
            told = _Told(as_json=as_json)
            for finding in found.findings(repair=repair):
                told.tell(finding)
        told.close(bar.done, bar.elapsed_s, found.quarantine)
    except WrongSettings as exc:
        raise CliError(ExitCode.FAILED, f"These settings are wrong:\n{exc}") from exc
    except FolderInUse as exc:
        raise CliError(ExitCode.CONFLICT, f"{exc.detail} Stop it to repair; without --repair it may run.") from exc
    except ChatkeepError as exc:
        raise CliError(ExitCode.FAILED, exc.detail) from exc
    return ExitCode.FAILED if told.remaining else ExitCode.DONE


class _Told:
    """Prints findings as they come, and the counts in the end."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._notes: Counter[Code] = Counter()
        self._found = 0
        self._repaired = 0

    @property
    def remaining(self) -> int:
        """How many findings were not repaired."""
        return self._found - self._repaired

    def tell(self, finding: Finding) -> None:
        """Print one."""
        if finding.is_information:
            self._notes[finding.code] += 1
        else:
            self._found += 1
            self._repaired += finding.repaired
        if self._as_json:
            line = {"file": finding.file, "code": finding.code, "what": finding.what, "repaired": finding.repaired}
            click.echo(json.dumps(line | {"information": finding.is_information}))
        elif self._notes[finding.code] <= _MOST_NOTES:
            kind = "note: " if finding.is_information else "repaired: " if finding.repaired else ""
            click.echo(visible(f"{kind}{finding.file}: {finding.what} ({finding.code})"))

    def close(self, chats: int, elapsed_s: float, quarantine: Path | None) -> None:
        """Print the counts."""
        notes = self._notes.total()
        if self._as_json:
            counts = {"chats": chats, "findings": self._found, "repaired": self._repaired, "information": notes}
            place = str(quarantine) if quarantine else None
            click.echo(json.dumps(counts | {"elapsed_s": round(elapsed_s, 3), "quarantine": place}))
            return
        for code, count in self._notes.items():
            if count > _MOST_NOTES:
                click.echo(f"note: {count - _MOST_NOTES:,} more of these ({code})")
        repaired = f", {self._repaired:,} of them repaired" if self._repaired else ""
        click.echo(f"{chats:,} chats in {elapsed_s:.1f} s: {self._found:,} findings{repaired}; {notes:,} notes.")
        if quarantine:
            click.echo(f"What was there before stands in {quarantine}, with a report of what was done and why.")


class _Bar:
    """A progress bar on standard error, when that is a terminal."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self.done = 0
        self._began_s = time.monotonic()
        self._moved_s = self._began_s
        columns = (TextColumn("Looking at chats"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        # Why: findings would else go where the bar is, also when standard output is a file.
        is_shared = sys.stdout.isatty()
        self._progress = Progress(
            *columns, console=console, transient=True, disable=not console.is_terminal, redirect_stdout=is_shared
        )
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._progress.stop()

    @property
    def elapsed_s(self) -> float:
        """Since the beginning."""
        return time.monotonic() - self._began_s

    def advance(self, done: int, total: int) -> None:
        """So many were looked at, of so many."""
        self.done = done
        moment_s = time.monotonic()
        if moment_s - self._moved_s >= _PACE_S:
            self._moved_s = moment_s
            self._progress.update(self._task, completed=done, total=total)
