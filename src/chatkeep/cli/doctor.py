"""`chatkeep doctor`: what a proxy does to a server behind it, in words, with the settings that mend it."""

import asyncio
import sys
from typing import NoReturn
from urllib.parse import urlsplit

import rich_click as click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chatkeep.cli.examine import Plan, examine, without_password
from chatkeep.cli.printing import print_json, say
from chatkeep.cli.probes import Unreachable
from chatkeep.cli.visible import visible
from chatkeep.doctor.report import Finding, Report, Verdict
from chatkeep.errors import Unauthorized

_FOUND = 1  # a problem
_REFUSED = 4  # the key
_UNREACHABLE = 5

_STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "bold red"}


def doctor(url: str, *, key: str | None, plan: Plan, as_json: bool) -> None:
    """Look at `url` and print what is found. Exits with 1 on a problem, 4 without a valid key, 5 without an answer."""
    address = url if "://" in url else f"http://{url}"
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(f"{url!r} is no address; write it as https://chat.example.org")
    shown = without_password(address)
    words = Console(stderr=True)
    try:
        with words.status("Looking", spinner="line") as status:
            report = asyncio.run(examine(address, key, plan, status.update))
    except Unreachable as exc:
        _end(f"{shown} cannot be reached. {exc}", _UNREACHABLE)
    except Unauthorized as exc:
        _end(f"{shown} wants a key: --key, or CHATKEEP_API_KEY. {exc.detail}", _REFUSED)
    if as_json:
        print_json(report)
    else:
        _print(report)
    sys.exit(_FOUND if report.verdict is Verdict.PROBLEM else 0)


def _print(report: Report) -> None:
    console = Console()
    table = Table(title=f"What is between here and {report.url}", title_justify="left", box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("check", no_wrap=True)
    table.add_column("what was found")
    for finding in report.findings:
        verdict = Text(finding.verdict.value, style=_STYLES[finding.verdict])
        table.add_row(verdict, Text(finding.title), Text(visible(finding.sentence)))
    console.print(table)
    for finding in report.findings:
        if finding.remedies:
            _print_remedies(console, finding)


def _print_remedies(console: Console, finding: Finding) -> None:
    console.print()
    console.print(Text(visible(f"{finding.title}: {finding.sentence}"), style="bold"))
    for remedy in finding.remedies:
        console.print(Text(f"  {remedy.of}", style="cyan"))
        for line in remedy.setting.splitlines():
            # Why not the console's own wrapping: what is to be copied stays as it is.
            console.print(Text(visible(f"    {line}")), soft_wrap=True)


def _end(words: str, code: int) -> NoReturn:
    say(f"Error: {words}")
    sys.exit(code)
