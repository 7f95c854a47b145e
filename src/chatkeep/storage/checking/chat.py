"""Check the bytes of one chat's file: syntax, format, ids, the message tree, times. No disk."""

import re
from collections.abc import Iterator
from datetime import datetime

import msgspec

from chatkeep.chat.model import Message, is_timestamp
from chatkeep.storage.checking.finding import Code, Fault, shown
from chatkeep.storage.checking.parsing import Parsed, Unusable, parse
from chatkeep.storage.codec import Header, NotAChat, normal_time

MOST_REVISION = 2**53  # beyond it other programs' JSON numbers are not exact: RFC 8259, section 6

_MESSAGE_ID = re.compile(r"[!-~]{1,256}\Z")  # ids of other programs are kept: visible ASCII, no blanks
_RUN_ID = re.compile(r"[A-Za-z0-9_]{1,64}\Z")  # those that may name a journal: storage/journal.py


class ChatReport(msgspec.Struct, frozen=True):
    """What was found in one file. `faults` are wrong, `notes` are not; the latter are made only of what is a chat.

    `run_ids` are those of its replies, each once. `parsed` is None when it is no chat.
    """

    faults: list[Fault]
    notes: list[Fault] = []
    run_ids: list[str] = []
    parsed: Parsed | None = None


def check_chat(data: bytes, chat_id: str, latest: str) -> ChatReport:
    """What is wrong with `data` in a file named after `chat_id`. Never raises.

    `latest` is the last time, in the stored form, that can be right: somewhat after the present.
    """
    try:
        parsed = parse(data)
    except Unusable as exc:
        return ChatReport([exc.fault])
    messages = _Messages(parsed, latest)
    messages.look()
    faults = [*parsed.faults, *_of_header(parsed.header, chat_id, latest), *messages.faults]
    return ChatReport(faults, [*_notes(parsed), *messages.notes], list(messages.run_ids), parsed)


def is_message_id(text: str) -> bool:
    """Whether a message may be named so."""
    return _MESSAGE_ID.match(text) is not None


def is_run_id(text: str) -> bool:
    """Whether a run may be named so."""
    return _RUN_ID.match(text) is not None


def time_fault(moment: str, latest: str) -> Code | None:
    """What is wrong with a time of a file, None when nothing is."""
    try:
        # Why both: the stored form is known by its shape alone, and the 31st of June has it too.
        datetime.fromisoformat(moment)
        normal = normal_time(moment)
    except (NotAChat, ValueError, OverflowError):
        return Code.INVALID_TIME
    return Code.FUTURE_TIME if (normal or "") > latest else None


def _notes(parsed: Parsed) -> Iterator[Fault]:
    if parsed.header.format < 1:
        yield Fault(Code.OLDER_FORMAT, "It is of the older format or written by hand; its next turn upgrades it.")
    foreign = {*parsed.extra, *(name for message in parsed.messages for name in message.extra)}
    if foreign:
        named = ", ".join(shown(name) for name in sorted(foreign)[:5])
        yield Fault(Code.FOREIGN_FIELDS, f"It has members that chatkeep does not know, and keeps: {named}.")


def _of_header(header: Header, chat_id: str, latest: str) -> Iterator[Fault]:
    if header.chat_id and header.chat_id != chat_id:
        yield Fault(Code.WRONG_CHAT_ID, f"Its chat_id is {shown(header.chat_id)}, and its file is named {chat_id}.")
    if header.format < 0:
        yield Fault(Code.WRONG_VALUE, f"format is {shown(header.format)}: formats count from 0.")
    if not 0 <= header.revision <= MOST_REVISION:
        yield Fault(Code.WRONG_VALUE, f"revision is {shown(header.revision)}: it counts writes, from 0.")
    wrong = False
    for name, moment in (("created_at", header.created_at), ("last_updated", header.last_updated)):
        if moment and (code := time_fault(moment, latest)) is not None:
            wrong = True
            yield _wrong_time(code, name, moment)
    if not wrong and header.created_at and header.last_updated and _is_backwards(header):
        what = f"It was created at {header.created_at}, after its last update at {header.last_updated}."
        yield Fault(Code.CREATED_AFTER_UPDATED, what)


def _is_backwards(header: Header) -> bool:
    """Whether both times are there, and the chat was updated before it was created. Raises: NotAChat."""
    created, updated = normal_time(header.created_at), normal_time(header.last_updated)
    return created is not None and updated is not None and created > updated


class _Messages:
    """Looks at the messages of one file in order."""

    def __init__(self, parsed: Parsed, latest: str) -> None:
        self.faults: list[Fault] = []
        self.notes: list[Fault] = []
        self.run_ids: dict[str, None] = {}
        self._parsed = parsed
        self._latest = latest
        self._places: dict[str, int] = {}

    def look(self) -> None:
        """Look at all of them."""
        needs_ids = self._parsed.header.format > 0
        for place, message in enumerate(self._parsed.messages):
            if message.parent_id or message.continues is not None:
                self._links(place, message)
            if message.timestamp:
                self._time(place, message, message.timestamp)
            if message.run_id is not None:
                self._run(place, message.run_id)
            if message.id is not None:
                self._id(place, message.id)
            elif needs_ids and message.role != "system":
                self._found(Code.MISSING_ID, f"Message {place} has no id.")
        current = self._parsed.header.current
        if current is not None and current not in self._places:
            self._found(Code.UNKNOWN_CURRENT, f"current is {shown(current)}, and no message has that id.")

    def _found(self, code: Code, what: str) -> None:
        self.faults.append(Fault(code, what))

    def _links(self, place: int, message: Message) -> None:
        """A message that this one names stands before it."""
        for code, name, target in (
            (Code.UNKNOWN_PARENT, "parent_id", message.parent_id or None),
            (Code.UNKNOWN_CONTINUES, "continues", message.continues),
        ):
            if target is not None and target not in self._places:
                self._found(code, f"messages[{place}].{name} is {shown(target)}, and no message before it has that id.")

    def _id(self, place: int, named: str) -> None:
        if named in self._places:
            what = f"Messages {self._places[named]} and {place} have the same id {shown(named)}."
            self._found(Code.DUPLICATE_ID, what)
        elif not _MESSAGE_ID.match(named):
            self._found(Code.MALFORMED_ID, f"messages[{place}].id is {shown(named)}, which cannot name a message.")
        self._places[named] = place

    def _time(self, place: int, message: Message, moment: str) -> None:
        code = time_fault(moment, self._latest)
        if code is not None:
            self.faults.append(_wrong_time(code, f"messages[{place}].timestamp", moment))
        elif message.role == "assistant":
            # Why only replies: a question that waited in the queue is older than the reply it stands behind.
            before = self._before(place, message.parent_id)
            if before and moment < before <= self._latest and is_timestamp(moment) and is_timestamp(before):
                what = f"Reply {place} is of {moment}, and what it follows of {before}: a clock was set back."
                self.notes.append(Fault(Code.TIME_BACKWARDS, what))

    def _before(self, place: int, parent_id: str | None) -> str | None:
        """The time of the message that the one at `place` follows."""
        before = place - 1 if parent_id is None else self._places.get(parent_id, -1)
        return self._parsed.messages[before].timestamp if before >= 0 else None

    def _run(self, place: int, run_id: str) -> None:
        if not _RUN_ID.match(run_id):
            self._found(Code.WRONG_VALUE, f"messages[{place}].run_id is {shown(run_id)}, which cannot name a run.")
        elif run_id in self.run_ids:
            self._found(Code.DUPLICATE_RUN, f"The run {run_id} stands in this chat more than once.")
        else:
            self.run_ids[run_id] = None


def _wrong_time(code: Code, name: str, moment: str) -> Fault:
    why = "which is no time" if code is Code.INVALID_TIME else "which is yet to come"
    return Fault(code, f"{name} is {shown(moment)}, {why}.")
