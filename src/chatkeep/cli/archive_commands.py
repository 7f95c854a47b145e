"""The commands `export` and `import`, as they are typed. What they do: exporting.py and importing.py."""

from pathlib import Path
from typing import Literal

import rich_click as click

from chatkeep.archives.formats import Format
from chatkeep.cli import options
from chatkeep.cli.target import Target

# Why in each function: what commands need takes a second to import, and `--help` needs none of it.
# ruff: noqa: PLC0415


@click.command("export")
@click.argument("chat_ids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All chats: as JSON a backup, of all owners of a data folder.")
@click.option(
    "--format",
    "kind",
    type=click.Choice(["json", "md", "txt"]),
    default="json",
    show_default=True,
    help="The file itself, or the active path as Markdown or plain text.",
)
@click.option(
    "-o",
    "--output",
    metavar="FILE|FOLDER|-",
    help="Where to.  [one chat: standard output; a backup: chatkeep-<time>.tar.gz here]",
)
@options.as_json
@options.of_server
def export_chats(
    target: Target,
    chat_ids: tuple[str, ...],
    kind: Literal["json", "md", "txt"],
    output: str | None,
    *,
    everything: bool,
    as_json: bool,
) -> None:
    """Export chats: as JSON, which `chatkeep import` takes back byte for byte, or as text for people.

    Example: `chatkeep export space-facts --format md -o space.md`, `chatkeep export --all -o backup.tar.gz`
    """
    from chatkeep.cli import exporting as command

    if everything and chat_ids:
        raise click.UsageError("--all takes every chat: name none beside it.")
    if not everything and not chat_ids:
        raise click.UsageError("Name the chats, or take them --all.")
    if everything and kind == "json":
        command.back_up(target, output, as_json=as_json)
    elif everything:
        command.export_all(target, kind, output, as_json=as_json)
    else:
        command.export(target, chat_ids, kind, output, as_json=as_json)


@click.command("import")
@click.argument(
    "paths", metavar="FILE|FOLDER...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path)
)
@click.option(
    "--from",
    "source",
    type=click.Choice([each.value for each in Format]),
    help="What they are.  [found out by their beginning]",
)
@click.option("--dry-run", is_flag=True, help="Read them and say what is in them; import nothing, ask no server.")
@options.as_json
@options.of_server
def import_chats(target: Target, paths: tuple[Path, ...], source: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Import chats of ChatGPT, Claude, Open WebUI, LibreChat, llm, the older chats folder, and chatkeep's own.

    Nothing is overwritten, and importing twice imports nothing twice: what was broken off is completed by running it
    again. What no chat can hold is told, a line each, and ends the command with 1.

    Example: `chatkeep import conversations.json`, `chatkeep import backup.tar.gz --dry-run`
    """
    from chatkeep.cli import importing as command

    command.take(target, paths, Format(source) if source else None, dry_run=dry_run, as_json=as_json)


COMMANDS = [export_chats, import_chats]
