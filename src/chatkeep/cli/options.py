"""The options that most commands share."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import rich_click as click

from chatkeep.cli.completion import complete_chat_id
from chatkeep.cli.target import Target

Command = Callable[..., None]

chats_dir = click.option(
    "--chats-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The data folder, made when missing.  [CHATKEEP_CHATS_DIR, ./chats]",
)

present_chats_dir = click.option(
    "--chats-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="The data folder.  [CHATKEEP_CHATS_DIR, ./chats]",
)

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")

chat_id = click.argument("chat_id", metavar="ID", shell_complete=complete_chat_id)

_SERVER = (
    click.option(
        "--chats-dir",
        type=click.Path(file_okay=False, path_type=Path),
        help="The data folder; its server is used, or one is started for this command.  [CHATKEEP_CHATS_DIR, ./chats]",
    ),
    click.option("--owner", help="Whose chats of the data folder.  [the folder's own]"),
    click.option("--url", help="A server elsewhere, in place of a data folder.  [CHATKEEP_URL]"),
    click.option("--key", help="The key for it; others see options, so better in the variable.  [CHATKEEP_API_KEY]"),
)


def of_server(command: Command) -> Command:
    """Let `command` take the options that say which server it is for; they come to it as `target`."""

    @functools.wraps(command)
    def with_target(
        *, url: str | None, key: str | None, owner: str | None, chats_dir: Path | None, **given: Any
    ) -> None:
        command(target=Target(url, key, owner, chats_dir), **given)

    for option in reversed(_SERVER):
        with_target = option(with_target)
    return with_target
