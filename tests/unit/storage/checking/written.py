"""Files of chats as chatkeep writes them: any turns, branches, pieces, parts, fields of others."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from hypothesis import strategies as st

from chatkeep.chat.branch import appended
from chatkeep.chat.model import START, Chat, CheckResult, Message, Origin, Stats, ToolCall, Usage, timestamp
from chatkeep.storage.codec import encode_chat, encode_message

BEGAN = datetime(2026, 1, 1, 12, tzinfo=UTC)
MODIFIED = datetime(2026, 1, 2, tzinfo=UTC)
LATEST = timestamp(datetime(2026, 2, 1, tzinfo=UTC))
CHAT_ID = "space-facts"

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
RAW = st.one_of(
    st.none(), st.integers(-5, 5), TEXTS, st.lists(TEXTS, max_size=2), st.dictionaries(TEXTS, TEXTS, max_size=2)
)
FOREIGN = st.dictionaries(
    TEXTS.map(lambda name: f"x-{name}"), RAW.map(lambda value: msgspec.Raw(msgspec.json.encode(value))), max_size=2
)
CONTENTS: st.SearchStrategy[Any] = st.one_of(
    TEXTS,
    st.lists(TEXTS.map(lambda text: msgspec.Raw(msgspec.json.encode({"type": "text", "text": text}))), max_size=2),
)


@st.composite
def chats(draw: st.DrawFn, turns: int = 4) -> Chat:
    """A chat that some turns made, each behind any message there was."""
    moment = BEGAN
    system = [Message(role="system", content=draw(TEXTS))] if draw(st.booleans()) else []
    chat = Chat(CHAT_ID, draw(TEXTS), 0, timestamp(moment), timestamp(moment), system, extra=draw(FOREIGN))
    for number in range(draw(st.integers(0, turns))):
        moment += timedelta(seconds=draw(st.floats(0.001, 100)))
        ids = [message.id for message in chat.messages if message.id]
        parent = draw(st.sampled_from([None, START, *ids]))
        turn = draw(_turns(number, moment, [m.id for m in chat.messages if m.role == "assistant" and m.id]))
        chat = msgspec.structs.replace(
            chat,
            messages=appended(chat, parent, turn),
            revision=chat.revision + 1,
            last_updated=turn[-1].timestamp,
            current=None,
        )
    ids = [message.id for message in chat.messages if message.id]
    if draw(st.booleans()) and ids:
        chat = msgspec.structs.replace(chat, current=draw(st.sampled_from(ids)))
    if draw(st.booleans()):
        chat = msgspec.structs.replace(chat, origin=Origin(draw(TEXTS), draw(TEXTS)))
    return chat


@st.composite
def _turns(draw: st.DrawFn, number: int, moment: datetime, replies: list[str]) -> list[Message]:
    continues = draw(st.sampled_from([None, *replies]))
    user = Message(
        role="user", content=draw(CONTENTS), id=f"msg_{number}q", timestamp=timestamp(moment), continues=continues
    )
    reply = Message(
        role="assistant",
        content=draw(TEXTS),
        id=f"msg_{number}a",
        timestamp=timestamp(moment + timedelta(seconds=1)),
        run_id=f"run_{number}",
        provider="echo",
        model=draw(TEXTS),
        status=draw(st.sampled_from(["complete", "stopped", "failed", "interrupted"])),
        finish_reason="stop",
        reasoning=draw(st.none() | TEXTS),
        continues=continues,
        tool_calls=draw(st.none() | st.just([ToolCall("c", "f", "{")])),
        checks=draw(st.none() | st.just([CheckResult("patterns", "deny", "no")])),
        usage=Usage(1, 2, 3),
        stats=Stats(1.5, 2.5, None),
        original_id=draw(st.none() | TEXTS),
        extra=draw(FOREIGN),
    )
    return [user, reply]


def written(chat: Chat) -> bytes:
    """The file of `chat`."""
    return encode_chat(chat, [encode_message(message) for message in chat.messages])


def a_chat(**more: Any) -> Chat:
    """Two turns, the second with an edited sibling."""
    messages = [
        Message(role="system", content="Be brief."),
        Message(role="user", content="one", id="q1", timestamp="2026-01-01T12:00:00.000000Z"),
        Message(role="assistant", content="1", id="a1", timestamp="2026-01-01T12:00:01.000000Z", run_id="run_1"),
        Message(role="user", content="two", id="q2", timestamp="2026-01-01T12:00:02.000000Z"),
        Message(role="assistant", content="2", id="a2", timestamp="2026-01-01T12:00:03.000000Z", run_id="run_2"),
        Message(role="user", content="zwei é", id="q3", timestamp="2026-01-01T12:00:04.000000Z", parent_id="a1"),
        Message(
            role="assistant",
            content="2!",
            id="a3",
            timestamp="2026-01-01T12:00:05.000000Z",
            run_id="run_3",
            status="complete",
        ),
    ]
    chat = Chat(CHAT_ID, "Numbers", 3, timestamp(BEGAN), "2026-01-01T12:00:05.000000Z", messages)
    return msgspec.structs.replace(chat, **more)
