"""Data folders to measure in: chats as chatkeep itself writes them, without waiting for the disk."""

import random
from pathlib import Path

from bench.words import WORDS
from chatkeep.chat.model import Chat, Message, Stats, Usage
from chatkeep.storage.codec import encode_chat, encode_message

_MOMENT = "2026-01-01T12:00:00.000000Z"
_MESSAGE_CHARS = 950  # with what stands around it, about 1 kB of file


def chat_id(number: int) -> str:
    """The id of the `number`th chat, from 0."""
    return f"chat-{number:06d}"


def make_folder(parent: Path, name: str, chats: int) -> Path:
    """A folder with that many chats of one turn each, about 1 kB a file."""
    folder = parent / name / "chats"
    folder.mkdir(parents=True)
    dice = random.Random(chats)
    for number in range(chats):
        write_chat(folder, chat_id(number), _turn(number, _text(dice, 60), _text(dice, 240)))
    return folder


def make_big_chat(folder: Path, name: str, size_bytes: int) -> None:
    """One chat whose file is about `size_bytes` long, in messages of about 1 kB."""
    dice = random.Random(size_bytes)
    text = _text(dice, _MESSAGE_CHARS)
    turn_bytes = sum(len(encode_message(message)) for message in _turn(0, text, text))
    messages: list[Message] = []
    for number in range(size_bytes // turn_bytes):
        messages += _turn(number, _text(dice, _MESSAGE_CHARS), _text(dice, _MESSAGE_CHARS))
    write_chat(folder, name, messages)


def write_chat(folder: Path, name: str, messages: list[Message]) -> None:
    """Write one chat's file."""
    chat = Chat(name, "Measured", 1, _MOMENT, _MOMENT, messages)
    path = folder / f"{name}.json"
    path.touch(mode=0o600)
    path.write_bytes(encode_chat(chat, [encode_message(message) for message in messages]))


def _turn(number: int, question: str, answer: str) -> list[Message]:
    return [
        Message(role="user", content=question, id=f"msg_{number:028x}00", timestamp=_MOMENT),
        Message(
            role="assistant",
            content=answer,
            id=f"msg_{number:028x}01",
            timestamp=_MOMENT,
            run_id=f"run_{random.getrandbits(120):030x}",
            provider="vllm",
            model="m",
            status="complete",
            finish_reason="stop",
            usage=Usage(9, 64, 73),
            stats=Stats(12.5, 730.1, 87.2),
        ),
    ]


def _text(dice: random.Random, chars: int) -> str:
    words: list[str] = []
    length = 0
    while length < chars:
        words.append(dice.choice(WORDS))
        length += len(words[-1]) + 1
    return " ".join(words)
