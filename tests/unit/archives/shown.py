"""What an archive gave, in a form that a test can state in a few lines."""

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from chatkeep.archives.formats import Format
from chatkeep.archives.reading import format_of, opened, records_of
from chatkeep.archives.record import Bounds, Record, Stored, Unmapped
from chatkeep.chat.branch import NOTHING, Tree
from chatkeep.chat.model import Chat

SAMPLES = Path(__file__).parent / "samples"


def read(path: Path, named: Format | None = None, bounds: Bounds | None = None) -> list[Record]:
    with opened(path, named, bounds) as archive:
        return list(archive.records)


def read_bytes(data: bytes, bounds: Bounds | None = None) -> list[Record]:
    source = BytesIO(data)
    return list(records_of(source, len(data), format_of(source, "it"), "it", bounds or Bounds()))


def chats(records: Iterable[Record]) -> list[Chat]:
    return [record for record in records if isinstance(record, Chat)]


def stored(records: Iterable[Record]) -> list[Stored]:
    return [record for record in records if isinstance(record, Stored)]


def findings(records: Iterable[Record]) -> list[str]:
    return [f"{record.where}: {record.what}" for record in records if isinstance(record, Unmapped)]


def tree(chat: Chat) -> list[tuple[str, str, str | None]]:
    """Of each message its original id, what it says, and the original id of what it follows."""
    parents = Tree(chat.messages).parents
    return [
        (
            message.original_id or "",
            f"{message.role}: {message.text}",
            None if parent == NOTHING else chat.messages[parent].original_id,
        )
        for message, parent in zip(chat.messages, parents, strict=True)
    ]


def original_ids(chat: Chat) -> list[str]:
    return [message.original_id or "" for message in chat.messages]
