"""Mend the bytes of one chat's file: what can be told is put right, what cannot be is left out. No disk."""

from collections.abc import Collection
from datetime import datetime

import msgspec

from chatkeep.chat.branch import Tree
from chatkeep.chat.model import START, Chat, Message, digest
from chatkeep.storage.checking.chat import (
    MOST_REVISION,
    check_chat,
    is_message_id,
    is_run_id,
    time_fault,
)
from chatkeep.storage.checking.parsing import Unusable, parse
from chatkeep.storage.codec import Header, encode_chat, encode_message, id_by_content, whole_chat


def mend_chat(
    data: bytes, chat_id: str, modified: datetime, latest: str, foreign_runs: Collection[str] = ()
) -> bytes | None:
    """The whole file of the chat without what `check_chat` finds in it; None when it cannot be mended.

    What is mended: docs/check.md. `modified` is when the file was written, `foreign_runs` are ids of runs that belong
    to other chats. Texts, their order, and members that we do not know stay as they are.
    """
    try:
        parsed = parse(data)
    except Unusable:
        return None
    messages = [_with_right_times(message, latest) for message in parsed.messages]
    header, messages = _with_ids(parsed.header, messages, chat_id)
    messages = _with_runs_once(messages, foreign_runs)
    chat = whole_chat(_with_right_values(header, latest), messages, parsed.extra, chat_id, modified)
    chat = msgspec.structs.replace(_in_order(chat, latest), revision=chat.revision + 1)
    mended = encode_chat(chat, [encode_message(message) for message in chat.messages])
    return None if check_chat(mended, chat_id, latest).faults else mended


def _with_right_values(header: Header, latest: str) -> Header:
    def right(moment: str) -> str:
        return "" if moment and time_fault(moment, latest) else moment

    revision = header.revision if 0 <= header.revision < MOST_REVISION else 0
    created_at, last_updated = right(header.created_at), right(header.last_updated)
    return msgspec.structs.replace(header, revision=revision, created_at=created_at, last_updated=last_updated)


def _in_order(chat: Chat, latest: str) -> Chat:
    """`chat` with times of its own that can be: what they were made of may be wrong too, as a file's own time."""
    last_updated = min(chat.last_updated, latest)
    times = [message.timestamp for message in chat.messages if message.timestamp]
    created_at = chat.created_at if chat.created_at <= last_updated else min([*times, last_updated])
    return msgspec.structs.replace(chat, created_at=created_at, last_updated=last_updated)


def _with_right_times(message: Message, latest: str) -> Message:
    if message.timestamp and time_fault(message.timestamp, latest):
        return msgspec.structs.replace(message, timestamp=None)
    return message


def _with_runs_once(messages: list[Message], foreign: Collection[str]) -> list[Message]:
    seen = set(foreign)
    kept: list[Message] = []
    for message in messages:
        run_id = message.run_id
        if run_id is not None and (run_id in seen or not is_run_id(run_id)):
            message = msgspec.structs.replace(message, run_id=None)  # noqa: PLW2901 - the same one, mended
        elif run_id is not None:
            seen.add(run_id)
        kept.append(message)
    return kept


def _with_ids(header: Header, messages: list[Message], chat_id: str) -> tuple[Header, list[Message]]:
    """Every message with an id of its own, and every name of one naming the message that it was read as before."""
    parents = Tree(messages).parents
    ids = _ids(messages, chat_id)
    places: dict[str, int] = {}
    kept: list[Message] = []
    for place, message in enumerate(messages):
        parent_id = message.parent_id
        if parent_id is not None and parent_id != START:
            parent_id = ids[parents[place]] if parent_id in places else None
        continued = places.get(message.continues) if message.continues is not None else None
        continues = ids[continued] if continued is not None else None
        kept.append(msgspec.structs.replace(message, id=ids[place], parent_id=parent_id, continues=continues))
        if message.id is not None:
            places[message.id] = place
    current = places.get(header.current) if header.current is not None else None
    named = ids[current] if current is not None else None
    return msgspec.structs.replace(header, current=named), kept


def _ids(messages: list[Message], chat_id: str) -> list[str | None]:
    """An id for each message; the first that has one keeps it. A system's message needs none."""
    theirs = {message.id for message in messages}
    taken: set[str] = set()
    ids: list[str | None] = []
    for place, message in enumerate(messages):
        named = message.id
        if named is None and message.role == "system":
            ids.append(None)
            continue
        if named is None or named in taken or not is_message_id(named):
            named = _new_id(chat_id, place, message, theirs | taken)
        taken.add(named)
        ids.append(named)
    return ids


def _new_id(chat_id: str, place: int, message: Message, taken: Collection[str | None]) -> str:
    """The id that a reading gives to a message without one, and another when that is taken."""
    named = id_by_content(chat_id, place, message)
    while named in taken:
        named = f"msg_{digest(f'{chat_id} {place} {named}')[:30]}"
    return named
