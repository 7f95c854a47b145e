"""The file of a chat as bytes: one member a line, one message a line, made for jq, grep and git.

The format is described in docs/format.md.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from chatkeep.chat.branch import beginning_of
from chatkeep.chat.images import title_for
from chatkeep.chat.model import FORMAT, Chat, Message, Origin, digest, is_timestamp, timestamp

_encoder = msgspec.json.Encoder()


class NotAChat(ValueError):
    """The bytes are not the file of a chat; the text says why."""


class Header(msgspec.Struct, omit_defaults=True):
    """The members of a chat's file but the messages, as they stand there; what is left out has its default."""

    format: int = 0
    chat_id: str = ""
    title: str = ""
    revision: int = 0
    created_at: str = ""
    last_updated: str = ""
    current: str | None = None
    origin: Origin | None = None


class _File(Header, forbid_unknown_fields=True, kw_only=True):
    messages: list[Message]


_HEADER = {field.encode_name for field in msgspec.structs.fields(Header)}
_MESSAGE = {field.encode_name for field in msgspec.structs.fields(Message)}


def encode_message(message: Message) -> bytes:
    """One message as it stands in the file: a line without its comma and newline."""
    encoded = _encoder.encode(message if not message.extra else msgspec.structs.replace(message, extra={}))
    if message.extra:
        encoded = b"%s,%s" % (encoded[:-1], _encoder.encode(message.extra)[1:])
    return msgspec.json.format(encoded, indent=0)


def encode_chat(chat: Chat, lines: Sequence[bytes]) -> bytes:
    """The whole file; `lines` are the chat's messages, encoded."""
    header: dict[str, object] = {
        "format": FORMAT,
        "chat_id": chat.chat_id,
        "title": chat.title,
        "revision": chat.revision,
        "created_at": chat.created_at,
        "last_updated": chat.last_updated,
    }
    if chat.current is not None:
        header["current"] = chat.current
    if chat.origin is not None:
        header["origin"] = chat.origin
    members = [
        b"  %s: %s" % (_encoder.encode(name), msgspec.json.format(_encoder.encode(value), indent=0))
        for name, value in [*header.items(), *chat.extra.items()]
    ]
    messages = b'  "messages": [\n    %s\n  ]' % b",\n    ".join(lines) if lines else b'  "messages": []'
    return b"{\n%s,\n%s\n}\n" % (b",\n".join(members), messages)


def decode_chat(data: bytes, chat_id: str, modified: datetime) -> Chat:
    """The chat in `data`, whose file is named after `chat_id` and was written at `modified`.

    Accepts files of the older format, which have only `created_at`, `last_updated` and
    `messages[role, content, timestamp]`, and files written by hand. Raises: NotAChat.
    """
    try:
        return _decode(data, chat_id, modified)
    except NotAChat:
        raise
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as exc:
        raise NotAChat(str(exc)) from exc


def _decode(data: bytes, chat_id: str, modified: datetime) -> Chat:
    header, messages, extra = parse_file(data)
    if header.format > FORMAT:
        raise NotAChat(f"it has format {header.format}, this version reads up to {FORMAT}")
    return whole_chat(header, messages, extra, chat_id, modified)


def whole_chat(
    header: Header, messages: list[Message], extra: dict[str, msgspec.Raw], chat_id: str, modified: datetime
) -> Chat:
    """The chat of a parsed file, with all that the file leaves out. Raises: NotAChat."""
    beginning = beginning_of(messages)
    messages = [
        _complete(chat_id, place, message, needs_id=place > beginning) for place, message in enumerate(messages)
    ]
    times = [message.timestamp for message in messages if message.timestamp]
    return Chat(
        chat_id=chat_id,
        title=header.title or title_for(next((m for m in messages if m.role == "user"), None)),
        revision=header.revision,
        created_at=normal_time(header.created_at) or (times[0] if times else timestamp(modified)),
        last_updated=normal_time(header.last_updated) or (times[-1] if times else timestamp(modified)),
        messages=messages,
        extra=extra,
        current=header.current,
        origin=header.origin,
    )


def parse_file(data: bytes) -> tuple[Header, list[Message], dict[str, msgspec.Raw]]:
    """The header, the messages, and the members that we do not know, nothing added or made normal.

    Raises: NotAChat, msgspec.MsgspecError, ValueError, OverflowError, RecursionError.
    """
    try:
        file = msgspec.json.decode(data, type=_File)
    except msgspec.ValidationError:
        return _parse_slowly(data)
    return file, file.messages, {}


def _parse_slowly(data: bytes) -> tuple[Header, list[Message], dict[str, msgspec.Raw]]:
    members = msgspec.json.decode(data, type=dict[str, msgspec.Raw])
    if "messages" not in members:
        raise NotAChat("it has no messages")
    messages = msgspec.json.decode(members.pop("messages"), type=list[dict[str, msgspec.Raw]])
    return header_of(members), [message_of(fields) for fields in messages], _unknown(members, _HEADER)


def header_of(members: dict[str, msgspec.Raw]) -> Header:
    """The header among `members`. Raises: msgspec.MsgspecError, ValueError."""
    return msgspec.json.decode(_encoder.encode(members), type=Header)


def message_of(fields: dict[str, msgspec.Raw]) -> Message:
    """The message of these members, also with unknown ones. Raises: msgspec.MsgspecError, ValueError."""
    known = {name: value for name, value in fields.items() if name in _MESSAGE}
    message = msgspec.json.decode(_encoder.encode(known), type=Message)
    return msgspec.structs.replace(message, extra=_unknown(fields, _MESSAGE))


def _unknown(fields: dict[str, msgspec.Raw], known: set[str]) -> dict[str, msgspec.Raw]:
    return {name: value.copy() for name, value in fields.items() if name not in known}


def _complete(chat_id: str, place: int, message: Message, *, needs_id: bool) -> Message:
    """Give a message of an older or hand-written file the id that every reading gives it, and a normal time."""
    moment = normal_time(message.timestamp)
    named = message.id
    if named is None and needs_id:
        named = id_by_content(chat_id, place, message)
    if named is message.id and moment == message.timestamp:
        return message
    return msgspec.structs.replace(message, id=named, timestamp=moment)


def id_by_content(chat_id: str, place: int, message: Message) -> str:
    """The id of a message that has none in its file: always the same. `place` is its position there, from 0."""
    return f"msg_{digest(f'{chat_id} {place} {message.role} {message.text}')[:30]}"


def normal_time(moment: str | None) -> str | None:
    """A time in the stored form; the older format left out the zone. Raises: NotAChat."""
    if not moment or is_timestamp(moment):
        return moment or None
    try:
        return timestamp(datetime.fromisoformat(moment))
    except ValueError as exc:
        raise NotAChat(f"{moment!r} is not a time") from exc
