"""What commands print: tables and Markdown for people, lines with tabs for programs, or JSON."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
import rich_click as click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatkeep.cli.visible import visible, visible_json


def is_terminal() -> bool:
    """Whether a person reads the output."""
    return sys.stdout.isatty()


def console() -> Console:
    """Standard output for rich; without colours when that is no terminal, or NO_COLOR is set."""
    return Console(highlight=False, markup=False, emoji=False)


def styled(text: str, style: str = "") -> Text:
    """`text` for the console, without what a terminal would obey."""
    return Text(visible(text), style=style)


def in_a_line(text: str) -> str:
    """`text` in one line, without what a terminal would obey."""
    return " ".join(visible(text).split())


def print_json(value: object) -> None:
    """Print one JSON document; `msgspec.Raw` as it came, but that no terminal obeys what stands in it."""
    click.echo(visible_json(msgspec.json.encode(value)))


def print_rows(heads: Sequence[str], rows: Iterable[Sequence[object]], *, to_fit: int) -> None:
    """A table, of which the column `to_fit` is cut to the width of the terminal; elsewhere a line a row, with tabs.

    Lines have no head. None is shown as nothing.
    """
    shown = [["" if cell is None else in_a_line(str(cell)) for cell in row] for row in rows]
    if not is_terminal():
        for row in shown:
            click.echo("\t".join(row))
        return
    table = Table(box=None, pad_edge=False, header_style="bold", expand=True)
    for place, head in enumerate(heads):
        is_cut = place == to_fit
        table.add_column(head, no_wrap=True, overflow="ellipsis" if is_cut else "fold", ratio=1 if is_cut else None)
    for row in shown:
        table.add_row(*row)
    console().print(table)


def shown_time(moment: str | None) -> str:
    """A stored time as people here write it; as it is where no person reads."""
    if moment is None:
        return ""
    if not is_terminal():
        return moment
    try:
        return datetime.fromisoformat(moment).astimezone().strftime("%Y-%m-%d %H:%M")
    except (ValueError, OverflowError):
        return moment


def say(message: str) -> None:
    """Tell people something that is no result."""
    click.echo(visible(message), err=True)
