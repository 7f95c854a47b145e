"""What reading an archive gives, one after the other, and how much of it is taken."""

from collections.abc import Iterator

import msgspec

from chatkeep.chat.model import Chat

_MIB = 1024 * 1024


class Unmapped(msgspec.Struct, frozen=True):
    """Something of the archive that is not in any chat. Both are one line, for people.

    `where` is the place in the archive: the conversation and the message, by the ids they have there.
    """

    where: str
    what: str


class Stored(msgspec.Struct, frozen=True):
    """The file of a chat of ours, byte for byte; whether it is one, its taker finds out.

    `owner` is None where the archive names none, empty for the folder's own chats. `chat_id` is the name of the file,
    None where it has none.
    """

    where: str
    owner: str | None
    chat_id: str | None
    data: bytes


Record = Chat | Stored | Unmapped
Records = Iterator[Record]


class Bounds(msgspec.Struct, frozen=True):
    """How much of an archive is read. What is beyond is told, and left out.

    `conversation_bytes` is what one conversation may take in memory before it is mapped; `value_bytes` what one text
    may be long in the file; `file_bytes` what one file of ours may be. A compressed archive may unfold to
    `unpacked_bytes`, and once that is more than `value_bytes`, to `ratio` times its size: JSON of chats is packed
    by 5 to 30, zip reaches 1,032 with zeros.
    """

    conversation_bytes: int = 32 * _MIB
    value_bytes: int = 8 * _MIB
    file_bytes: int = 64 * _MIB
    unpacked_bytes: int = 64 * 1024 * _MIB
    ratio: int = 250


class ArchiveBroken(Exception):
    """The archive cannot be read on; the text says why in one line. What came before is whole."""


def one_line(text: object, most: int = 200) -> str:
    """`text` fit for a line of a report."""
    line = " ".join("".join(char if char.isprintable() else " " for char in str(text)[: 2 * most]).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def in_mib(count: int) -> str:
    """A number of bytes, for people."""
    return f"{count / _MIB:,.3g} MiB"
