"""The check of one chat's bytes, and how they are mended."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.chat.branch import Tree, active_path
from chatkeep.chat.model import Chat
from chatkeep.storage.checking.chat import ChatReport, check_chat
from chatkeep.storage.checking.finding import Code
from chatkeep.storage.checking.mending import mend_chat
from chatkeep.storage.codec import NotAChat, decode_chat
from tests.unit.storage.checking.written import CHAT_ID, LATEST, MODIFIED, a_chat, chats, written

Members = dict[str, Any]


def check(data: bytes) -> ChatReport:
    return check_chat(data, CHAT_ID, LATEST)


def mend(data: bytes) -> bytes | None:
    return mend_chat(data, CHAT_ID, MODIFIED, LATEST)


def decoded(data: bytes) -> Chat:
    return decode_chat(data, CHAT_ID, MODIFIED)


def is_chat(data: bytes) -> bool:
    try:
        decoded(data)
    except NotAChat:
        return False
    return True


def changed(change: Callable[[Members], object]) -> bytes:
    """A sound chat's file after `change` of what is in it."""
    members: Members = json.loads(written(a_chat()))
    change(members)
    return json.dumps(members, ensure_ascii=False).encode()


def put(path: str, value: object) -> bytes:
    """A sound chat's file with another value at `path`, as in `messages.3.id`; ... takes the member away."""

    def change(members: Any) -> None:
        *way, name = [int(part) if part.isdecimal() else part for part in path.split(".")]
        for part in way:
            members = members[part]
        if value is ...:
            del members[name]
        else:
            members[name] = value

    return changed(change)


@given(chats())
def test_any_chat_that_chatkeep_writes_has_no_findings(chat: Chat) -> None:
    report = check(written(chat))

    assert report.faults == []
    assert {note.code for note in report.notes} <= {Code.FOREIGN_FIELDS}
    assert sorted(report.run_ids) == sorted(message.run_id for message in chat.messages if message.run_id)


@given(chats(turns=2), st.data())
def test_a_file_with_a_byte_changed_or_its_end_cut_off_is_still_a_chat_or_a_finding_and_can_be_mended_or_not(
    chat: Chat, data: st.DataObject
) -> None:
    whole = written(chat)
    place = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        damaged = whole[:place]
    else:
        damaged = whole[:place] + bytes([data.draw(st.integers(0, 255))]) + whole[place + 1 :]

    report = check(damaged)
    mended = mend(damaged)

    assert report.faults or is_chat(damaged)
    assert (mended is None) == (report.parsed is None)
    if mended is not None:
        assert check(mended).faults == []
        assert decoded(mended).chat_id == CHAT_ID


def test_every_byte_of_a_chat_may_be_any_other_without_a_crash_and_be_mended_to_a_chat_without_findings() -> None:
    whole = written(a_chat())
    for place in range(len(whole)):
        for byte in (0, 0x22, 0x2C, 0x30, 0x5C, 0x7D, 0xC3, 0xFF, whole[place] ^ 1):
            damaged = whole[:place] + bytes([byte]) + whole[place + 1 :]
            report, mended = check(damaged), mend(damaged)
            assert report.faults or is_chat(damaged), damaged
            assert (mended is None) == (report.parsed is None), damaged


WRONG = {
    "empty": (b"", Code.NOT_JSON),
    "zeros": (b"\0" * 512, Code.NOT_JSON),
    "cut": (written(a_chat())[:-40], Code.NOT_JSON),
    "deep": (b'{"messages": ' + b"[" * 100_000, Code.NOT_JSON),
    "a list": (b"[1]", Code.NOT_A_CHAT),
    "no messages": (b'{"format": 1}', Code.NOT_A_CHAT),
    "messages no list": (put("messages", {}), Code.NOT_A_CHAT),
    "a message no object": (put("messages.1", 7), Code.NOT_A_CHAT),
    "no role": (put("messages.1.role", ...), Code.NOT_A_CHAT),
    "unknown role": (put("messages.1.role", "king"), Code.NOT_A_CHAT),
    "no content": (put("messages.1.content", ...), Code.NOT_A_CHAT),
    "content no text": (put("messages.1.content", 7), Code.NOT_A_CHAT),
    "newer format": (put("format", 99), Code.NEWER_FORMAT),
    "newer format, other fields": (b'{"format": 2, "messages": {"a": 1}}', Code.NEWER_FORMAT),
}

WRONG_IN_PART = {
    "byte order mark": (b"\xef\xbb\xbf" + written(a_chat()), Code.NOT_JSON),
    "damaged text": (written(a_chat()).replace("é".encode(), b"\xc3"), Code.NOT_UTF8),
    "damaged foreign field": (written(a_chat()).replace(b'"title"', b'"x": "\xff", "title"'), Code.NOT_UTF8),
    "negative format": (put("format", -1), Code.WRONG_VALUE),
    "revision no number": (put("revision", "three"), Code.WRONG_VALUE),
    "negative revision": (put("revision", -1), Code.WRONG_VALUE),
    "huge revision": (put("revision", 10**30), Code.WRONG_VALUE),
    "title no text": (put("title", 5), Code.WRONG_VALUE),
    "unknown status": (put("messages.2.status", "splendid"), Code.WRONG_VALUE),
    "usage no object": (put("messages.2.usage", 5), Code.WRONG_VALUE),
    "a run no journal can have": (put("messages.2.run_id", "../x"), Code.WRONG_VALUE),
    "another chat's id": (put("chat_id", "other"), Code.WRONG_CHAT_ID),
    "no id": (put("messages.3.id", ...), Code.MISSING_ID),
    "empty id": (put("messages.3.id", ""), Code.MALFORMED_ID),
    "blank in an id": (put("messages.3.id", "a b"), Code.MALFORMED_ID),
    "the same id twice": (put("messages.3.id", "q1"), Code.DUPLICATE_ID),
    "the same run twice": (put("messages.4.run_id", "run_1"), Code.DUPLICATE_RUN),
    "unknown parent": (put("messages.5.parent_id", "gone"), Code.UNKNOWN_PARENT),
    "later parent": (put("messages.1.parent_id", "a3"), Code.UNKNOWN_PARENT),
    "own parent": (put("messages.5.parent_id", "q3"), Code.UNKNOWN_PARENT),
    "unknown current": (put("current", "gone"), Code.UNKNOWN_CURRENT),
    "unknown continues": (put("messages.4.continues", "gone"), Code.UNKNOWN_CONTINUES),
    "created no time": (put("created_at", "yesterday"), Code.INVALID_TIME),
    "no such day": (put("last_updated", "2026-06-31T00:00:00.000000Z"), Code.INVALID_TIME),
    "message no time": (put("messages.1.timestamp", "12 o'clock"), Code.INVALID_TIME),
    "message of tomorrow": (put("messages.1.timestamp", "2026-02-02T00:00:00.000000Z"), Code.FUTURE_TIME),
    "updated in years": (put("last_updated", "2036-02-02T00:00:00.000000Z"), Code.FUTURE_TIME),
    "created in years, of the older form": (put("created_at", "2036-02-02T00:00:00"), Code.FUTURE_TIME),
    "updated before it was created": (
        put("last_updated", "2025-12-31T00:00:00.000000Z"),
        Code.CREATED_AFTER_UPDATED,
    ),
}


@pytest.mark.parametrize(("data", "code"), WRONG.values(), ids=WRONG)
def test_what_is_no_chat_is_one_finding_and_cannot_be_mended(data: bytes, code: Code) -> None:
    report = check(data)

    assert [fault.code for fault in report.faults] == [code]
    assert not is_chat(data)
    assert mend(data) is None


@pytest.mark.parametrize(("data", "code"), WRONG_IN_PART.values(), ids=WRONG_IN_PART)
def test_what_is_wrong_in_a_chat_is_found_and_mended_with_every_text_in_its_place(data: bytes, code: Code) -> None:
    report = check(data)
    mended = mend(data)

    assert [fault.code for fault in report.faults] == [code]
    assert mended is not None
    assert check(mended).faults == []
    texts = [message.text for message in decoded(mended).messages]
    assert [text.rstrip("\ufffd") for text in texts] == [
        "Be brief.",
        "one",
        "1",
        "two",
        "2",
        texts[5].rstrip("\ufffd"),
        "2!",
    ]
    assert texts[5].startswith("zwei ")
    assert len(texts) == 7


@pytest.mark.parametrize(("data", "code"), WRONG_IN_PART.values(), ids=WRONG_IN_PART)
def test_a_finding_is_one_sentence_that_can_be_printed(data: bytes, code: Code) -> None:
    (fault,) = check(data).faults
    assert fault.code is code
    assert fault.what.isprintable()
    assert fault.what.endswith(".")
    assert len(fault.what) < 250


def test_several_faults_are_all_told_and_mended_at_once() -> None:
    def break_it(members: Members) -> None:
        members["chat_id"] = "other"
        members["current"] = "gone"
        members["messages"][3]["id"] = "q1"
        members["messages"][4]["timestamp"] = "never"

    data = changed(break_it)
    codes = {Code.WRONG_CHAT_ID, Code.UNKNOWN_CURRENT, Code.DUPLICATE_ID, Code.INVALID_TIME}
    mended = mend(data)

    assert {fault.code for fault in check(data).faults} == codes
    assert mended is not None
    assert check(mended).faults == []


@given(chats(), st.data())
def test_a_repeated_or_missing_id_is_mended_without_changing_what_follows_what(chat: Chat, data: st.DataObject) -> None:
    members: Members = json.loads(written(chat))
    named = [message for message in members["messages"] if "id" in message]
    if not named:
        return
    victim = data.draw(st.sampled_from(named))
    other = data.draw(st.sampled_from([None, *(message["id"] for message in named)]))
    if other is None:
        del victim["id"]
    else:
        victim["id"] = other
    damaged = json.dumps(members).encode()
    before = decoded(damaged)

    mended = mend(damaged)

    assert mended is not None
    after = decoded(mended)
    assert Tree(after.messages).parents == Tree(before.messages).parents
    assert [message.text for message in active_path(after)] == [message.text for message in active_path(before)]


def test_a_missing_id_is_the_one_that_every_reading_gives() -> None:
    data = put("messages.3.id", ...)
    mended = mend(data)

    assert mended is not None
    assert [message.id for message in decoded(mended).messages] == [message.id for message in decoded(data).messages]


def test_mending_counts_as_a_write_and_keeps_fields_that_nobody_knows() -> None:
    data = put("chat_id", "other").replace(b'"title"', b'"x-color": [1, {"b": null}], "title"')
    mended = mend(data)

    assert mended is not None
    assert json.loads(mended)["revision"] == 4
    assert json.loads(mended)["x-color"] == [1, {"b": None}]


OLDER = {
    "created_at": "2024-05-01T10:00:00.123456",
    "last_updated": "2024-05-01T10:01:00",
    "messages": [{"role": "user", "content": "How old?", "timestamp": "2024-05-01T10:00:01+02:00"}],
}
BY_HAND = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "ho"}]


@pytest.mark.parametrize("members", [OLDER, {"messages": []}, {"messages": BY_HAND}])
def test_files_of_the_older_format_and_written_by_hand_are_told_of_and_no_findings(members: Members) -> None:
    report = check(json.dumps(members).encode())

    assert report.faults == []
    assert [note.code for note in report.notes] == [Code.OLDER_FORMAT]


def test_a_question_that_waited_is_no_note_and_a_reply_before_its_question_is_one() -> None:
    waited = check(put("messages.3.timestamp", "2026-01-01T12:00:00.500000Z"))
    back = check(put("messages.4.timestamp", "2026-01-01T11:59:00.000000Z"))

    assert (waited.faults, waited.notes) == ([], [])
    assert ([note.code for note in back.notes], back.faults) == ([Code.TIME_BACKWARDS], [])


def test_the_runs_of_another_chat_are_taken_out_when_that_is_asked_for() -> None:
    mended = mend_chat(written(a_chat()), CHAT_ID, MODIFIED, LATEST, ["run_1", "run_3"])

    assert mended is not None
    assert [message.run_id for message in decoded(mended).messages if message.run_id] == ["run_2"]
