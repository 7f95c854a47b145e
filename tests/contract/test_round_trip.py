"""Any chat that our model can hold: what is exported is imported as it was, byte for byte, and nothing twice."""

import asyncio
import tempfile
from pathlib import Path
from typing import Any, get_args

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatkeep.chat.model import START, Chat, ChatKey, Message, Origin, Role, Stats, ToolCall, Usage, timestamp
from chatkeep.chat.transfer import Taken, Transfers
from chatkeep.storage.codec import decode_chat, encode_chat, encode_message
from chatkeep.storage.files import FileStore

UNKNOWN = st.dictionaries(
    st.text(min_size=1, max_size=8).map(lambda name: f"x-{name}"),
    st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)),
    max_size=2,
).map(lambda found: {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in found.items()})
MOMENTS = st.datetimes().map(timestamp)
PARTS = st.lists(
    st.fixed_dictionaries({"type": st.just("text"), "text": st.text(max_size=20)}).map(
        lambda part: msgspec.Raw(msgspec.json.encode(part))
    ),
    max_size=3,
)
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=40)


@st.composite
def messages(draw: st.DrawFn) -> list[Message]:
    made: list[Message] = []
    for place in range(draw(st.integers(0, 6))):
        earlier = [START, *(message.id for message in made if message.id)]
        role: Role = draw(st.sampled_from(get_args(Role)))
        made.append(
            Message(
                id=f"msg_{place}",
                role=role,
                content=draw(TEXTS | PARTS),
                timestamp=draw(st.none() | MOMENTS),
                model=draw(st.none() | TEXTS),
                status=draw(st.sampled_from([None, "complete", "stopped", "failed", "interrupted"])),
                reasoning=draw(st.none() | TEXTS),
                tool_calls=draw(st.none() | st.just([ToolCall("c", "f", '{"a": 1}')])),
                usage=draw(st.none() | st.just(Usage(1, 2, 3))),
                stats=draw(st.none() | st.just(Stats(None, 1.5, None))),
                parent_id=draw(st.none() | st.sampled_from(earlier)),
                original_id=draw(st.none() | TEXTS),
                extra=draw(UNKNOWN),
            )
        )
    return made


@st.composite
def chats(draw: st.DrawFn) -> Chat:
    said = draw(messages())
    return Chat(
        chat_id=draw(st.from_regex(r"[A-Za-z0-9_-]{1,20}", fullmatch=True)),
        title=draw(TEXTS.filter(bool)),
        revision=draw(st.integers(1, 1000)),
        created_at=draw(MOMENTS),
        last_updated=draw(MOMENTS),
        messages=said,
        extra=draw(UNKNOWN),
        current=draw(st.none() | st.sampled_from([message.id for message in said])) if said else None,
        origin=draw(st.none() | st.builds(Origin, TEXTS, TEXTS)),
    )


def encoded(chat: Chat) -> bytes:
    return encode_chat(chat, [encode_message(message) for message in chat.messages])


def plain(chat: Chat) -> Any:
    """`chat` with what it does not know decoded: only the blanks in that may differ."""
    return msgspec.json.decode(msgspec.json.encode(chat))


async def moved(chat: Chat) -> tuple[Taken, Taken, bytes, Chat]:
    """Save the chat in one folder, export it from there, and import it into another one, twice."""
    with tempfile.TemporaryDirectory() as folder:
        stores = [FileStore(Path(folder) / name, run_kept_s=1, trash_days=1) for name in ("from", "to")]
        for store in stores:
            await store.start()
        try:
            here, there = stores
            key = ChatKey("", chat.chat_id)
            await here.save(key, chat)
            data = await here.read_file(key)
            transfers = Transfers(there, lambda _: False)
            first = await transfers.take_file("", data, None)
            second = await transfers.take_file("", data, None)
            assert await there.read_file(key) == data
            return first, second, data, await there.load(key)
        finally:
            for store in stores:
                await store.aclose()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(chat=chats())
def test_what_is_exported_is_imported_byte_for_byte(chat: Chat) -> None:
    first, second, data, loaded = asyncio.run(moved(chat))

    assert (first, second) == (Taken(chat.chat_id, "imported"), Taken(chat.chat_id, "already_there"))
    assert data == encoded(chat)
    assert plain(loaded) == plain(chat)


@given(chat=chats())
def test_a_chat_is_what_its_file_says(chat: Chat) -> None:
    modified: Any = None  # asked for only where the file has no times
    assert plain(decode_chat(encoded(chat), chat.chat_id, modified)) == plain(chat)
