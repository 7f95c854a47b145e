"""`chatkeep doctor`: what a proxy does to a server behind it, in words, with the settings that mend it."""

import asyncio

import rich_click as click
from rich.console import Console
from rich.table import Table

from chatkeep.cli.address import without_password
from chatkeep.cli.examine import Plan, examine
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.printing import console, print_json, styled
from chatkeep.cli.probes import Unreachable
from chatkeep.doctor.report import Finding, Report, Verdict
from chatkeep.errors import Unauthorized
from chatkeep.settings import is_address, is_key

_STYLES = {Verdict.OK: "green", Verdict.WARNING: "yellow", Verdict.PROBLEM: "bold red"}


def doctor(url: str, *, key: str | None, plan: Plan, as_json: bool) -> ExitCode:
    """Look at `url` and print what is found; FAILED when there is a problem. Raises: CliError, click.UsageError."""
    # Why no guess when `https://` is left out: the key would go there for everybody on the way to read.
    if not is_address(url):
        raise click.UsageError(f"{without_password(url)!r} is no address; write it as https://chat.example.org")
    if key is not None and not is_key(key):
        raise click.UsageError("That is no key: they are ASCII without spaces.")
    report = _report(url, key, plan)
    if as_json:
        print_json(report)
    else:
        _print(report)
    return ExitCode.FAILED if report.verdict is Verdict.PROBLEM else ExitCode.DONE


def _report(url: str, key: str | None, plan: Plan) -> Report:
    shown = without_password(url)
    try:
        with Console(stderr=True).status("Looking", spinner="line") as status:
            return asyncio.run(examine(url, key, plan, status.update))
    except Unreachable as exc:
        raise CliError(ExitCode.UNREACHABLE, f"{shown} cannot be reached. {exc}") from exc
    except Unauthorized as exc:
        words = f"{shown} wants a key: --key, or CHATKEEP_API_KEY. {exc.detail}"
        raise CliError(ExitCode.REFUSED, words) from exc


def _print(report: Report) -> None:
    screen = console()
    title = styled(f"What is between here and {report.url}")
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("check", no_wrap=True)
    table.add_column("what was found")
    for finding in report.findings:
        verdict = styled(finding.verdict.value, _STYLES[finding.verdict])
        table.add_row(verdict, styled(finding.title), styled(finding.sentence))
    screen.print(table)
    for finding in report.findings:
        if finding.remedies:
            _print_remedies(screen, finding)


def _print_remedies(screen: Console, finding: Finding) -> None:
    screen.print()
    screen.print(styled(f"{finding.title}: {finding.sentence}", "bold"))
    for remedy in finding.remedies:
        screen.print(styled(f"  {remedy.of}", "cyan"))
        for line in remedy.setting.splitlines():
            # Why not the console's own wrapping: what is to be copied stays as it is.
            screen.print(styled(f"    {line}"), soft_wrap=True)
