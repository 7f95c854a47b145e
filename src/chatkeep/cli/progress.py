"""A progress bar on standard error, where a person sees it, and nothing anywhere else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

from chatkeep.cli.printing import in_a_line


class Bar(NamedTuple):
    """One bar. Lines that are said stand above it."""

    progress: Progress
    task: TaskID

    def at(self, done: int, of: int | None = None) -> None:
        """So much is done, of so much when that is told."""
        self.progress.update(self.task, completed=done, total=of)

    def say(self, line: str) -> None:
        """Tell people something."""
        if self.progress.disable:
            click.echo(in_a_line(line), err=True)
        else:
            self.progress.console.print(in_a_line(line))


@contextmanager
def progress_bar(what: str) -> Iterator[Bar]:
    """A bar named `what`, until the end of the `with`."""
    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        yield Bar(progress, progress.add_task(in_a_line(what), total=None))
