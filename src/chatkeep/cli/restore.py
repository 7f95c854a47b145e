"""`chatkeep restore`: a chat out of the trash, or as it was before."""

from collections.abc import Iterator

import msgspec

from chatkeep.cli.answers import path_of
from chatkeep.cli.client import Client
from chatkeep.cli.connection import connected
from chatkeep.cli.printing import print_json, print_rows, say, shown_time
from chatkeep.cli.target import Target


class Generation(msgspec.Struct, frozen=True):
    """An earlier state of a chat; `generation` is its revision."""

    generation: int
    title: str
    last_updated: str
    message_count: int
    size_bytes: int


class Generations(msgspec.Struct, frozen=True):
    """Those that are kept of one chat."""

    generations: list[Generation]


class DeletedChat(msgspec.Struct, frozen=True):
    """A chat in the trash."""

    chat_id: str
    title: str
    deleted_at: str
    message_count: int


class Trash(msgspec.Struct, frozen=True):
    """A page of the chats in the trash, newest first."""

    chats: list[DeletedChat]
    next_cursor: str | None = None


def restore(target: Target, chat_id: str, generation: int | None, *, as_json: bool) -> None:
    """Bring the chat back, as it was at its end or in that generation. Raises: CliError."""
    with connected(target) as client:
        answer = client.post(path_of("/chat/restore/{}", chat_id), {"generation": generation}, msgspec.Raw)
    if as_json:
        print_json(answer)
    else:
        say(f"{chat_id} is back." if generation is None else f"{chat_id} is as it was at revision {generation}.")


def show_trash(target: Target, *, as_json: bool) -> None:
    """Print the deleted chats. Raises: CliError."""
    with connected(target) as client:
        found = list(_deleted(client))
    if as_json:
        print_json(found)
        return
    rows = [(chat.chat_id, shown_time(chat.deleted_at), chat.message_count, chat.title) for chat in found]
    print_rows(("ID", "DELETED", "MESSAGES", "TITLE"), rows, to_fit=3)
    if not rows:
        say("The trash is empty.")


def _deleted(client: Client) -> Iterator[DeletedChat]:
    """All of them, newest first."""
    cursor = None
    while True:
        page = client.get("/chat/trash", Trash, {"cursor": cursor})
        yield from page.chats
        cursor = page.next_cursor
        if cursor is None:
            return


def show_generations(target: Target, chat_id: str, *, as_json: bool) -> None:
    """Print the chat's earlier generations. Raises: CliError."""
    with connected(target) as client:
        found = client.get(path_of("/chat/generations/{}", chat_id), Generations)
    if as_json:
        print_json(found.generations)
        return
    rows = [
        (each.generation, shown_time(each.last_updated), each.message_count, each.size_bytes, each.title)
        for each in found.generations
    ]
    print_rows(("GENERATION", "UPDATED", "MESSAGES", "BYTES", "TITLE"), rows, to_fit=4)
    if not rows:
        say(f"No earlier generation of {chat_id} is kept.")
