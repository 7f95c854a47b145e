"""What one reply of another program holds, as the messages that it is here: a call's answer is a message of its own."""

from collections.abc import Sequence
from typing import assert_never

import msgspec

from chatkeep.chat.model import Message, ToolCall, digest


class Said(msgspec.Struct, frozen=True):
    """Text of the reply."""

    text: str


class Thought(msgspec.Struct, frozen=True):
    """Its reasoning."""

    text: str


class Called(msgspec.Struct, frozen=True):
    """A call of a tool; `call_id` may be empty."""

    call_id: str
    name: str
    arguments: str


class Answered(msgspec.Struct, frozen=True):
    """What a call gave; an empty `call_id` means the last call of that name, or the last one."""

    call_id: str
    name: str
    text: str


Block = Said | Thought | Called | Answered


def messages_of(blocks: Sequence[Block], bare: Message) -> list[Message]:
    """The messages that `blocks` are, in order, made like `bare`. Without blocks there is none.

    The last one that is no answer has the figures of all.
    """
    reply = _Reply(msgspec.structs.replace(bare, usage=None, stats=None))
    for number, block in enumerate(blocks):
        reply.take(number, block)
    reply.close()
    for place in range(len(reply.messages) - 1, -1, -1):
        if reply.messages[place].role == bare.role:
            found = reply.messages[place]
            reply.messages[place] = msgspec.structs.replace(found, usage=bare.usage, stats=bare.stats)
            break
    return reply.messages


class _Reply:
    """The messages so far, and the one that is being made."""

    def __init__(self, bare: Message) -> None:
        self.messages: list[Message] = []
        self._bare = bare
        self._said: list[str] = []
        self._thought: list[str] = []
        self._calls: list[ToolCall] = []
        self._all_calls: list[ToolCall] = []

    def take(self, number: int, block: Block) -> None:
        match block:
            case Said(text):
                self._said += [text] if text else []
            case Thought(text):
                self._thought += [text] if text else []
            case Called(call_id, name, arguments):
                call = ToolCall(call_id or f"call_{digest(f'{number} {name} {arguments}')[:24]}", name, arguments)
                self._calls.append(call)
                self._all_calls.append(call)
            case Answered(call_id, name, text):
                self.close()
                meant = call_id or self._meant(name)
                moment = self._bare.timestamp
                self.messages.append(Message(role="tool", content=text, timestamp=moment, tool_call_id=meant))
            case _:
                assert_never(block)

    def close(self) -> None:
        """The message is whole; a following block begins another one."""
        if self._said or self._thought or self._calls:
            self.messages.append(
                msgspec.structs.replace(
                    self._bare,
                    content="\n\n".join(self._said),
                    reasoning="\n\n".join(self._thought) or None,
                    tool_calls=self._calls or None,
                )
            )
        self._said, self._thought, self._calls = [], [], []

    def _meant(self, name: str) -> str | None:
        """The last call of that name, or the last one."""
        found = next((call for call in reversed(self._all_calls) if call.name == name), None)
        found = found or (self._all_calls[-1] if self._all_calls else None)
        return found.id if found else None
