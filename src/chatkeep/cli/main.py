"""The command `chatkeep`."""

from pathlib import Path

import rich_click as click

import chatkeep
from chatkeep.cli import archive_commands, chat_commands, options
from chatkeep.cli.group import Commands
from chatkeep.cli.target import Target


@click.group(cls=Commands)
@click.version_option(chatkeep.__version__, prog_name="chatkeep")
def main() -> None:
    """A chat server that keeps every conversation as a plain JSON file, and the commands to work with them."""


for _command in (*chat_commands.COMMANDS, *archive_commands.COMMANDS):
    main.add_command(_command)


@main.command()
@click.option("--host", help="Address to listen on.  [CHATKEEP_HOST, 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [CHATKEEP_PORT, 8000]")
@options.chats_dir
@click.option(
    "--system-prompt-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Text that begins every new chat.  [CHATKEEP_SYSTEM_PROMPT_FILE, ./system_prompt.txt]",
)
@click.option("--first-key", is_flag=True, help="When there is no key yet, make one and print it, this once.")
def serve(
    host: str | None, port: int | None, chats_dir: Path | None, system_prompt_file: Path | None, *, first_key: bool
) -> None:
    """Start the server. Every setting can also come from the environment or `.env`: see docs/settings.md.

    Example: `chatkeep serve --port 9000`
    """
    # Why: the server's packages take half a second to import, and `--help` needs none of them.
    from chatkeep.cli.serve import serve as run  # noqa: PLC0415

    run(host=host, port=port, chats_dir=chats_dir, system_prompt_file=system_prompt_file, first_key=first_key)


@main.command()
@click.option("--repair", is_flag=True, help="Repair it; what is replaced or moved away goes to .chatkeep/quarantine.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON line a finding, and one with the counts.")
@options.present_chats_dir
@click.pass_context
def check(context: click.Context, chats_dir: Path | None, *, repair: bool, as_json: bool) -> None:
    """Verify every file of the data folder, and explain each finding; exits with 1 when there is any.

    Beside a running server it only reads. See docs/check.md.

    Example: `chatkeep check --repair`
    """
    from chatkeep.cli.check import check as run  # noqa: PLC0415 - as above

    context.exit(run(chats_dir, repair=repair, as_json=as_json))


@main.command("settings")
@options.as_json
@click.option("--url", help="As the other commands have it.  [CHATKEEP_URL]")
@click.option("--key", help="As the other commands have it.  [CHATKEEP_API_KEY]")
@options.chats_dir
def show_settings(chats_dir: Path | None, url: str | None, key: str | None, *, as_json: bool) -> None:
    """Show each setting, and where its value came from: an option, the environment, `.env`, or the default.

    These are the settings here and now; a running server has those of its start. Secrets are not shown.

    Example: `chatkeep settings --json`
    """
    from chatkeep.cli import settings as command  # noqa: PLC0415 - as above

    command.show(Target(url=url, key=key, chats_dir=chats_dir), as_json=as_json)


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
@options.as_json
@options.chats_dir
def add(chats_dir: Path | None, name: str, role: str, owner: str | None, rate: str | None, *, as_json: bool) -> None:
    """Make a key and print it. It is not kept, so it is not shown again.

    Example: `chatkeep keys add alice`
    """
    from chatkeep.cli import keys as commands  # noqa: PLC0415 - as above

    commands.add(chats_dir, name, role=role, owner=owner, rate=rate, as_json=as_json)


@keys.command("list")
@options.as_json
@options.chats_dir
def show(chats_dir: Path | None, *, as_json: bool) -> None:
    """List the keys that were ever made, also those revoked.

    Example: `chatkeep keys list --json`
    """
    from chatkeep.cli import keys as commands  # noqa: PLC0415 - as above

    commands.show(chats_dir, as_json=as_json)


@keys.command("revoke")
@click.argument("name")
@options.as_json
@options.chats_dir
def revoke(chats_dir: Path | None, name: str, *, as_json: bool) -> None:
    """Make a key invalid for good: the next request with it fails, and its open streams end within 5 seconds.

    Example: `chatkeep keys revoke alice`
    """
    from chatkeep.cli import keys as commands  # noqa: PLC0415 - as above

    commands.revoke(chats_dir, name, as_json=as_json)


@main.command()
@click.argument("url")
@click.option("--key", envvar="CHATKEEP_API_KEY", help="A key of that server.  [CHATKEEP_API_KEY]")
@click.option("--thorough", is_flag=True, help="Wait through 120 s of silence in place of 30, and send 8 MiB.")
@click.option("--silence", metavar="SECONDS", type=click.FloatRange(1, 120), help="Wait through this much silence.")
@options.as_json
@click.pass_context
def doctor(
    context: click.Context, url: str, key: str | None, silence: float | None, *, thorough: bool, as_json: bool
) -> None:
    """Say what a proxy in front of URL does to chatkeep, and the setting that mends it. It takes half a minute.

    Example: `chatkeep doctor https://chat.example.org`
    """
    from chatkeep.cli.doctor import doctor as look  # noqa: PLC0415 - as above
    from chatkeep.cli.examine import Plan  # noqa: PLC0415 - as above

    context.exit(look(url, key=key, plan=Plan.of(thorough=thorough, silence_s=silence), as_json=as_json))
