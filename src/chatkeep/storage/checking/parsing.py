"""Read the bytes of a chat's file as far as they can be read: quickly when all is well, else member by member."""

import msgspec

from chatkeep.chat.model import FORMAT, Message
from chatkeep.storage.checking.finding import Code, Fault, shown
from chatkeep.storage.codec import Header, header_of, message_of, parse_file

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_REFUSALS = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
_HEADER_TYPES = {field.encode_name: field.type for field in msgspec.structs.fields(Header)}
_MESSAGE_TYPES = {field.encode_name: field.type for field in msgspec.structs.fields(Message)}
_NEEDED = {"role", "content"}  # of a message: without them it is none

_Members = dict[str, msgspec.Raw]


class Parsed(msgspec.Struct, frozen=True):
    """A chat's file, nothing added or made normal. Members that cannot be are left out, and stand in `faults`."""

    header: Header
    messages: list[Message]
    extra: _Members
    faults: list[Fault]


class Unusable(Exception):
    """The bytes are no chat that this version reads; `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.what)
        self.fault = fault


def parse(data: bytes) -> Parsed:
    """What `data` says. Raises: Unusable."""
    try:
        header, messages, extra = parse_file(data)
    except _REFUSALS:
        return _parse_by_member(data)
    # Why: what we do not know is not decoded, so nobody has looked at its bytes.
    if not data.isascii() and not _is_utf8(data):
        return _parse_by_member(data)
    _check_format(header.format)
    return Parsed(header, messages, extra, [])


def _parse_by_member(data: bytes) -> Parsed:
    faults: list[Fault] = []
    members = _members(_as_utf8(data, faults))
    _check_format(_number(members.get("format")))
    if "messages" not in members:
        raise Unusable(Fault(Code.NOT_A_CHAT, "It is JSON and has no `messages`, so it is no chat."))
    listed = members.pop("messages")
    try:
        fields_of = msgspec.json.decode(listed, type=list[_Members])
    except _REFUSALS as exc:
        raise Unusable(Fault(Code.NOT_A_CHAT, f"Its `messages` are no list of objects: {exc}.")) from exc
    messages = [_message(fields, place, faults) for place, fields in enumerate(fields_of)]
    kept = _kept(members, _HEADER_TYPES, "", faults)
    extra = {name: value.copy() for name, value in kept.items() if name not in _HEADER_TYPES}
    return Parsed(header_of(kept), messages, extra, faults)


def _as_utf8(data: bytes, faults: list[Fault]) -> bytes:
    if data.startswith(_BYTE_ORDER_MARK):
        faults.append(Fault(Code.NOT_JSON, "It begins with a byte order mark, which JSON must not have."))
        data = data.removeprefix(_BYTE_ORDER_MARK)
    if _is_utf8(data):
        return data
    whole = data.decode(errors="replace").encode()
    # Why only when it is JSON then: of a file of zeros and the like that is what matters.
    if _is_json(whole):
        faults.append(Fault(Code.NOT_UTF8, "Some of its bytes are not UTF-8: a disk or a program has damaged them."))
    return whole


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_json(data: bytes) -> bool:
    try:
        msgspec.json.decode(data, type=msgspec.Raw)
    except _REFUSALS:
        return False
    return True


def _members(data: bytes) -> _Members:
    if not data.strip(b"\0 \t\r\n"):
        what = "It is empty." if not data else "It holds nothing but zeros or blanks."
        raise Unusable(Fault(Code.NOT_JSON, what))
    try:
        return msgspec.json.decode(data, type=_Members)
    except msgspec.ValidationError as exc:
        raise Unusable(Fault(Code.NOT_A_CHAT, f"It is JSON and no object, so it is no chat: {exc}.")) from exc
    except RecursionError as exc:
        raise Unusable(Fault(Code.NOT_JSON, "It is nested too deep to be read.")) from exc
    except _REFUSALS as exc:
        where = "it ends too early" if "truncated" in str(exc) else str(exc)
        raise Unusable(Fault(Code.NOT_JSON, f"It is not JSON: {where}.")) from exc


def _check_format(found: int) -> None:
    if found > FORMAT:
        what = f"It has format {found}, and this version reads up to {FORMAT}: use the chatkeep that wrote it."
        raise Unusable(Fault(Code.NEWER_FORMAT, what))


def _number(raw: msgspec.Raw | None) -> int:
    """0 for whatever is none: that is told with the other members."""
    try:
        return msgspec.json.decode(raw, type=int) if raw is not None else 0
    except _REFUSALS:
        return 0


def _message(fields: _Members, place: int, faults: list[Fault]) -> Message:
    kept = _kept(fields, _MESSAGE_TYPES, f"messages[{place}].", faults)
    missing = sorted(_NEEDED - kept.keys())
    if missing:
        what = f"Message {place} (from 0) has no `{missing[0]}` that a message can have."
        raise Unusable(Fault(Code.NOT_A_CHAT, what))
    return message_of(kept)


def _kept(fields: _Members, types: dict[str, type], where: str, faults: list[Fault]) -> _Members:
    """`fields` without those known ones whose value cannot be."""
    kept = {}
    for name, value in fields.items():
        try:
            if name in types:
                msgspec.json.decode(value, type=types[name])
            kept[name] = value
        except _REFUSALS as exc:
            what = f"{where}{name} is {shown(bytes(value).decode(errors='replace'))}: {exc}."
            faults.append(Fault(Code.WRONG_VALUE, what))
    return kept
