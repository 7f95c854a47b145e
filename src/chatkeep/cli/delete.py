"""`chatkeep delete`: a chat into the trash, or away for good."""

import sys

import rich_click as click

from chatkeep.api.schemas import Confirmation
from chatkeep.cli.answers import path_of
from chatkeep.cli.connection import connected
from chatkeep.cli.printing import print_json, say
from chatkeep.cli.target import Target


def delete(target: Target, chat_id: str, *, purge: bool, yes: bool, as_json: bool) -> None:
    """Delete the chat; for good only when a person says so, or `yes` does. Raises: CliError, click.UsageError."""
    if purge and not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("--purge removes the chat for good: say --yes with it.")
        click.confirm(f"Remove {chat_id} for good, with all of its earlier generations?", abort=True, err=True)
    with connected(target) as client:
        answer = client.delete(path_of("/chat/delete/{}", chat_id), Confirmation, {"purge": purge})
    if as_json:
        print_json(answer)
    elif purge:
        say(f"{chat_id} is removed for good.")
    else:
        say(f"{chat_id} is in the trash; `chatkeep restore {chat_id}` brings it back.")
