"""The command `chatkeep`."""

from pathlib import Path

import rich_click as click

import chatkeep
from chatkeep.cli import archive_commands


@click.group()
@click.version_option(chatkeep.__version__, prog_name="chatkeep")
def main() -> None:
    """A chat server that keeps every conversation as a plain JSON file."""


for _command in archive_commands.COMMANDS:
    main.add_command(_command)


_CHATS_DIR = click.option(
    "--chats-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The data folder, made when missing.  [CHATKEEP_CHATS_DIR, ./chats]",
)


@main.command()
@click.option("--host", help="Address to listen on.  [CHATKEEP_HOST, 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [CHATKEEP_PORT, 8000]")
@_CHATS_DIR
@click.option(
    "--system-prompt-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Text that begins every new chat.  [CHATKEEP_SYSTEM_PROMPT_FILE, ./system_prompt.txt]",
)
@click.option("--first-key", is_flag=True, help="When there is no key yet, make one and print it, this once.")
def serve(
    host: str | None, port: int | None, chats_dir: Path | None, system_prompt_file: Path | None, *, first_key: bool
) -> None:
    """Start the server. Every setting can also come from the environment or `.env`: see docs/settings.md."""
    # Why: the server's packages take half a second to import, and `--help` needs none of them.
    from chatkeep.cli.serve import serve as run  # noqa: PLC0415

    run(host=host, port=port, chats_dir=chats_dir, system_prompt_file=system_prompt_file, first_key=first_key)


@main.group()
def keys() -> None:
    """API keys: who may use the server. A running server takes a change over within a second."""


@keys.command("add")
@click.argument("name")
@click.option(
    "--role",
    type=click.Choice(["admin", "user", "reader"]),
    default="user",
    show_default=True,
    help="A reader reads, a user also writes, an admin also sees what everybody did.",
)
@click.option("--owner", help="Whose chats it is for; '' is the folder itself.  [the key's own name]")
@click.option("--rate", metavar="REQUESTS/SECONDS", help="Its own rate limit, as 120/60.  [the settings']")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_CHATS_DIR
def add(chats_dir: Path | None, name: str, role: str, owner: str | None, rate: str | None, *, as_json: bool) -> None:
    """Make a key and print it. It is not kept, so it is not shown again."""
    from chatkeep.cli import keys as commands  # noqa: PLC0415 - as above

    commands.add(chats_dir, name, role=role, owner=owner, rate=rate, as_json=as_json)


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@_CHATS_DIR
def show(chats_dir: Path | None, *, as_json: bool) -> None:
    """List the keys that were ever made, also those revoked."""
    from chatkeep.cli import keys as commands  # noqa: PLC0415 - as above

    commands.show(chats_dir, as_json=as_json)


@keys.command("revoke")
@click.argument("name")
@_CHATS_DIR
def revoke(chats_dir: Path | None, name: str) -> None:
    """Make a key invalid for good: the next request with it fails, and its open streams end within 5 seconds."""
    from chatkeep.cli import keys as commands  # noqa: PLC0415 - as above

    commands.revoke(chats_dir, name)
