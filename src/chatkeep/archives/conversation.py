"""A conversation of another program, on its way to a chat of ours: what was read of it, and what was not."""

from collections.abc import Sequence

import msgspec

from chatkeep.archives.blocks import Block, messages_of
from chatkeep.archives.moments import moment_of
from chatkeep.archives.record import Unmapped, one_line
from chatkeep.chat.model import Message, digest


class Node(msgspec.Struct, eq=False):
    """One node of the archive's tree. `message` is None for one that holds nothing: its children follow its parent.

    The message has neither `id` nor `parent_id` yet: `tree.py` gives them.
    """

    original_id: str
    parent: str | None
    message: Message | None = None


class Conversation:
    """What a format's module fills in.

    `source` is the program, `original_id` the conversation's id there, `where` how a report names it. `current` is
    the original id of the node that the active path ends with, None when the archive does not say.
    """

    def __init__(self, source: str, original_id: str, where: str, notes: Sequence[str] = ()) -> None:
        self.source = source
        self.original_id = original_id
        self.where = where
        self.title = ""
        self.created_at: str | None = None
        self.last_updated: str | None = None
        self.current: str | None = None
        self.nodes: list[Node] = []
        self.found = [Unmapped(where, note) for note in notes]

    def note(self, what: str, message_id: str | None = None) -> None:
        """Report what is not in the chat."""
        where = f"{self.where}, message {one_line(message_id, 80)}" if message_id else self.where
        self.found.append(Unmapped(where, one_line(what)))

    def moment(self, value: object, what: str, message_id: str | None = None) -> str | None:
        """The time that `value` is; None for none, and for one that cannot be, which is reported."""
        if value is None or value == "":
            return None
        found = moment_of(value)
        if found is None:
            self.note(f"{what} {one_line(value, 40)!r} is no time that can be; another one stands for it", message_id)
        return found

    def node(self, original_id: str, parent: str | None, message: Message | None) -> None:
        """Add a node."""
        self.nodes.append(Node(original_id, parent, message))

    def add(
        self, original_id: str, parent: str | None, blocks: Sequence[Block], bare: Message, left_out: Sequence[str]
    ) -> None:
        """Add the message that `blocks` are; `bare` is the same without its text. `left_out` is told, one line each.

        One that has nothing else names what is left out, so that it can be seen that there was something.
        """
        for what in left_out:
            self.note(f"{what}: left out", original_id)
        made = messages_of(blocks, bare)
        if not made and (left_out or bare.status == "failed"):
            said = one_line(f"[left out: {', '.join(left_out)}]") if left_out else ""
            made = [msgspec.structs.replace(bare, content=said)]
        self.chain(original_id, parent, made)

    def chain(self, original_id: str, parent: str | None, messages: Sequence[Message]) -> None:
        """Add what was one message there and is `messages` here; the last one has its id: others follow that."""
        for place, message in enumerate(messages, 1):
            own_id = original_id if place == len(messages) else f"{original_id}/{place}"
            self.node(own_id, parent, message)
            parent = own_id
        if not messages:
            self.node(original_id, parent, None)


def unnamed(value: object) -> str:
    """An id for a conversation or a message that has none: always the same for the same content."""
    return f"unnamed-{digest(msgspec.json.encode(value).decode())[:32]}"
