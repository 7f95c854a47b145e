"""`chatkeep list`: the chats, newest first."""

from collections.abc import Iterator

from chatkeep.api.schemas import ChatList, ChatRow
from chatkeep.cli.client import Client
from chatkeep.cli.connection import connected
from chatkeep.cli.printing import is_terminal, print_json, print_rows, say, shown_time
from chatkeep.cli.target import Target

_PAGE = 1000  # the most that a server gives at once


def show(target: Target, *, limit: int | None, as_json: bool) -> None:
    """Print `limit` of them, or all. Raises: CliError."""
    with connected(target) as client:
        rows = list(_newest(client, limit))
    if as_json:
        print_json([{"chat_id": chat_id, **_fields(row)} for chat_id, row in rows])
        return
    print_rows(
        ("ID", "UPDATED", "MESSAGES", "TITLE"),
        ((chat_id, shown_time(row.last_updated), row.message_count, _marked(row)) for chat_id, row in rows),
        to_fit=3,
    )
    if not rows:
        say("There are no chats yet.")


def _newest(client: Client, limit: int | None) -> Iterator[tuple[str, ChatRow]]:
    cursor, left = None, limit
    while True:
        page = client.get("/chat/history", ChatList, {"limit": min(_PAGE, left or _PAGE), "cursor": cursor})
        yield from page.chats.items()
        cursor = page.next_cursor
        left = left - len(page.chats) if left is not None else None
        if cursor is None or left == 0:
            return


def _fields(row: ChatRow) -> dict[str, object]:
    return {name: getattr(row, name) for name in ChatRow.__struct_fields__}


def _marked(row: ChatRow) -> str:
    return f"(a reply is coming) {row.title}" if row.active_run and is_terminal() else row.title
