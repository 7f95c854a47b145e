"""What the shell completes: the ids of chats, from a server that runs."""

import contextlib
from pathlib import Path

import rich_click as click
from click.shell_completion import CompletionItem

from chatkeep.cli.target import Target

_MOST = 200  # ids: nobody looks through more


def complete_chat_id(ctx: click.Context, _argument: click.Parameter, begun: str) -> list[CompletionItem]:
    """Ids that begin with `begun`, newest first, with their titles. None when no server runs: none is started."""
    # Why here: most completions are of commands and options, and need nothing of this.
    from chatkeep.api.schemas import ChatList  # noqa: PLC0415
    from chatkeep.cli.connection import connected, has_server  # noqa: PLC0415
    from chatkeep.cli.printing import in_a_line  # noqa: PLC0415
    from chatkeep.errors import ChatkeepError  # noqa: PLC0415

    given = ctx.params
    folder = given.get("chats_dir")
    target = Target(given.get("url"), given.get("key"), given.get("owner"), Path(folder) if folder else None)
    with contextlib.suppress(click.ClickException, ChatkeepError):
        if has_server(target):
            with connected(target) as client:
                chats = client.get("/chat/history", ChatList).chats
            found = [CompletionItem(chat_id, help=in_a_line(row.title)) for chat_id, row in chats.items()]
            return [item for item in found if item.value.startswith(begun)][:_MOST]
    return []
