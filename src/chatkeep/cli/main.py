"""The command `chatkeep`."""

from pathlib import Path

import rich_click as click

import chatkeep


@click.group()
@click.version_option(chatkeep.__version__, prog_name="chatkeep")
def main() -> None:
    """A chat server that keeps every conversation as a plain JSON file."""


@main.command()
@click.option("--host", help="Address to listen on.  [CHATKEEP_HOST, 127.0.0.1]")
@click.option("--port", type=int, help="Port to listen on; 0 takes a free one.  [CHATKEEP_PORT, 8000]")
@click.option(
    "--chats-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The data folder, made when missing.  [CHATKEEP_CHATS_DIR, ./chats]",
)
@click.option(
    "--system-prompt-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Text that begins every new chat.  [CHATKEEP_SYSTEM_PROMPT_FILE, ./system_prompt.txt]",
)
def serve(host: str | None, port: int | None, chats_dir: Path | None, system_prompt_file: Path | None) -> None:
    """Start the server. Every setting can also come from the environment or `.env`: see docs/settings.md."""
    # Why: the server's packages take half a second to import, and `--help` needs none of them.
    from chatkeep.cli.serve import serve as run  # noqa: PLC0415

    run(host=host, port=port, chats_dir=chats_dir, system_prompt_file=system_prompt_file)
