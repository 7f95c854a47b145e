"""The contract of ChatStore, over every implementation; then what only files can do."""

import asyncio
import contextlib
import json
import os
import sqlite3
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest

from chatkeep.chat.model import Chat, ChatKey, Idempotency, Message, digest, is_timestamp, now
from chatkeep.chat.ports import MARK_END, MARK_START, MOST_FOUND, ChatStore, SearchPage
from chatkeep.chat.query import parse_query
from chatkeep.errors import (
    ChatNotFound,
    ChatUnreadable,
    Conflict,
    FolderInUse,
    GenerationNotFound,
    InvalidRequest,
    RevisionConflict,
    StorageFailed,
)
from chatkeep.storage.atomic import Identity
from chatkeep.storage.files import FileStore
from chatkeep.storage.folder import Folder
from chatkeep.storage.index import Put
from chatkeep.storage.indexing import Indexing

pytestmark = pytest.mark.anyio

KEY = ChatKey("", "space")
IDEMPOTENCY = Idempotency(digest("key"), digest("body"))


@asynccontextmanager
async def file_store(folder: Path) -> AsyncIterator[FileStore]:
    store = FileStore(folder, run_kept_s=3600, trash_days=7)
    await store.start()
    try:
        yield store
    finally:
        await store.aclose()


@pytest.fixture(params=["files"])
async def store(tmp_path: Path) -> AsyncIterator[FileStore]:
    async with file_store(tmp_path) as opened:
        yield opened


def turn(number: int, **more: object) -> list[Message]:
    reply = {
        "role": "assistant",
        "content": f"answer {number} é\u2028",
        "id": f"msg_a{number}",
        "timestamp": now(),
        "run_id": f"run_{number}",
        "provider": "puppet",
        "model": "wood",
        "status": "complete",
        **more,
    }
    user = Message(role="user", content=f"question {number}", id=f"msg_q{number}", timestamp=now())
    return [user, msgspec.convert(reply, Message)]


def a_chat(chat_id: str = "space", turns: int = 1, **more: object) -> Chat:
    messages = [Message(role="system", content="Be brief.")]
    for number in range(turns):
        messages += turn(number, **more)
    return Chat(chat_id, "Space", turns, now(), now(), messages)


def grown(chat: Chat, number: int) -> Chat:
    return msgspec.structs.replace(
        chat, revision=chat.revision + 1, last_updated=now(), messages=[*chat.messages, *turn(number)]
    )


def at(chat: Chat, *moments: str) -> Chat:
    """`chat` with these times, a turn each, as a run leaves it."""
    turns = [
        msgspec.structs.replace(message, timestamp=moments[number // 2])
        for number, message in enumerate(chat.messages[1:])
    ]
    return msgspec.structs.replace(chat, last_updated=moments[-1], messages=[chat.messages[0], *turns])


def moment(number: int) -> str:
    return f"2026-01-01T00:00:{number:02}.000000Z"


async def test_the_newest_turns_over_all_chats_come_newest_first(store: FileStore) -> None:
    for name, moments in (("a", (1, 5, 9)), ("b", (2, 6)), ("c", (3, 4))):
        chat = at(a_chat(name, len(moments)), *map(moment, moments))
        renamed = [
            msgspec.structs.replace(message, run_id=message.run_id and f"{name}{message.run_id}")
            for message in chat.messages
        ]
        await store.save(ChatKey("", name), msgspec.structs.replace(chat, messages=renamed))
    await store.save(ChatKey("other", "d"), at(a_chat("d"), moment(8)))

    for limit in range(1, 9):
        turns = await store.newest_turns("", limit=limit)
        assert [turn.created_at for turn in turns] == [moment(number) for number in (9, 6, 5, 4, 3, 2, 1)][:limit]
    assert [(turn.chat_id, turn.run_id) for turn in await store.newest_turns("", limit=2)] == [
        ("a", "arun_2"),
        ("b", "brun_1"),
    ]
    assert [turn.chat_id for turn in await store.newest_turns("other", limit=9)] == ["d"]


async def test_turns_at_the_very_same_time_are_in_one_order_whatever_the_limit(store: FileStore) -> None:
    for name in "abcde":
        await store.save(ChatKey("", name), at(a_chat(name, 2), moment(1), moment(1)))
    whole = await store.newest_turns("", limit=10)

    assert len(whole) == 10
    for limit in range(1, 10):
        assert await store.newest_turns("", limit=limit) == whole[:limit]


async def test_messages_that_no_run_made_are_no_turns(store: FileStore) -> None:
    await store.save(KEY, a_chat(run_id=None))

    assert await store.newest_turns("", limit=10) == []


async def test_a_saved_chat_is_loaded_as_it_was(store: FileStore) -> None:
    await store.save(KEY, a_chat())

    assert await store.load(KEY) == a_chat_like(await store.load(KEY), a_chat())


def a_chat_like(found: Chat, expected: Chat) -> Chat:
    """`expected` with the times of `found`."""
    messages = [
        msgspec.structs.replace(message, timestamp=stored.timestamp)
        for message, stored in zip(expected.messages, found.messages, strict=True)
    ]
    return msgspec.structs.replace(
        expected, created_at=found.created_at, last_updated=found.last_updated, messages=messages
    )


async def test_a_chat_that_does_not_exist_is_not_found(store: FileStore) -> None:
    with pytest.raises(ChatNotFound):
        await store.load(KEY)
    with pytest.raises(ChatNotFound):
        await store.delete(KEY, purge=False)


async def test_a_file_is_read_as_it_stands_and_added_byte_for_byte(store: FileStore) -> None:
    await store.save(KEY, a_chat())
    data = await store.read_file(KEY)
    odd = data.replace(b'"title": "Space"', b'"title":    "Space"')
    other = ChatKey("alice", "other")

    added = await store.add(other, odd)

    assert await store.read_file(other) == odd
    assert await store.load(other) == added
    assert added == msgspec.structs.replace(await store.load(KEY), chat_id="other")
    ((row,), _) = await store.summaries("alice", limit=10, before=None)
    assert (row.chat_id, row.message_count) == ("other", 2)
    assert (await search(store, "answer", owner="alice")).total == 1


async def test_an_added_chat_can_be_written_to(store: FileStore) -> None:
    chat = a_chat()
    await store.save(KEY, chat)
    other = ChatKey("", "other")
    added = await store.add(other, await store.read_file(KEY))

    await store.save(other, grown(added, 1))

    assert len((await store.load(other)).messages) == len(chat.messages) + 2


async def test_a_chat_is_not_added_over_another_one(store: FileStore) -> None:
    await store.save(KEY, a_chat())
    before = await store.read_file(KEY)

    with pytest.raises(Conflict):
        await store.add(KEY, before.replace(b"Space", b"Other"))

    assert await store.read_file(KEY) == before


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b'{"messages": 1}', b'{"format": 99, "messages": []}', b"\xff"])
async def test_what_is_no_chat_is_not_added(store: FileStore, data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        await store.add(KEY, data)

    with pytest.raises(ChatNotFound):
        await store.load(KEY)


async def test_the_file_of_a_chat_that_does_not_exist_is_not_found(store: FileStore) -> None:
    with pytest.raises(ChatNotFound):
        await store.read_file(KEY)


async def test_owners_do_not_see_each_other(store: FileStore) -> None:
    await store.save(ChatKey("alice", "space"), a_chat())

    with pytest.raises(ChatNotFound):
        await store.load(KEY)
    assert await store.summaries("", limit=10, before=None) == ([], None)
    assert [row.chat_id for row in (await store.summaries("alice", limit=10, before=None))[0]] == ["space"]


async def test_the_newest_chats_come_first_a_page_at_a_time(store: FileStore) -> None:
    for number in range(5):
        await store.save(ChatKey("", f"chat{number}"), a_chat(f"chat{number}"))

    first, cursor = await store.summaries("", limit=2, before=None)
    second, cursor = await store.summaries("", limit=2, before=cursor)
    third, end = await store.summaries("", limit=2, before=cursor)

    assert [row.chat_id for row in first + second + third] == ["chat4", "chat3", "chat2", "chat1", "chat0"]
    assert end is None
    assert (first[0].title, first[0].message_count, first[0].provider, first[0].model) == ("Space", 2, "puppet", "wood")


async def test_a_list_sees_what_was_saved_before_it(store: FileStore) -> None:
    chat = a_chat()
    await store.save(KEY, chat)
    await store.save(KEY, grown(chat, 1))

    ((row,), _) = await store.summaries("", limit=10, before=None)

    assert row.message_count == 4


@pytest.mark.parametrize("cursor", ["", "x", "2026_x", "_", "' OR 1=1 --", "2026-01-01T00:00:00.000000_x"])
async def test_a_broken_cursor_is_refused(store: FileStore, cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        await store.summaries("", limit=2, before=cursor)


async def test_a_run_is_found_by_its_reply(store: FileStore) -> None:
    await store.save(KEY, a_chat(turns=2))

    found = await store.find_run("run_1")

    assert found is not None
    assert (found.key, found.message_id) == (KEY, "msg_a1")
    assert await store.find_run("run_unknown") is None


async def test_an_idempotency_key_is_found_for_its_owner_only(store: FileStore) -> None:
    await store.save(KEY, a_chat(idempotency=IDEMPOTENCY))

    found = await store.find_idempotent("", IDEMPOTENCY.key)

    assert found is not None
    assert (found[0].run_id, found[1]) == ("run_0", IDEMPOTENCY)
    assert await store.find_idempotent("alice", IDEMPOTENCY.key) is None
    assert await store.find_idempotent("", digest("other")) is None


async def test_an_idempotency_key_is_forgotten_after_a_day(store: FileStore) -> None:
    await store.save(KEY, a_chat(idempotency=IDEMPOTENCY, timestamp="2020-01-01T00:00:00.000000Z"))

    assert await store.find_idempotent("", IDEMPOTENCY.key) is None


@pytest.mark.parametrize("purge", [False, True])
async def test_a_deleted_chat_is_gone_from_everything(store: FileStore, purge: bool) -> None:
    await store.save(KEY, a_chat(idempotency=IDEMPOTENCY))

    await store.delete(KEY, purge=purge)

    with pytest.raises(ChatNotFound):
        await store.load(KEY)
    assert await store.summaries("", limit=10, before=None) == ([], None)
    assert await store.find_run("run_0") is None
    assert await store.find_idempotent("", IDEMPOTENCY.key) is None
    assert await search(store, "answer") == SearchPage([], 0)


async def search(store: ChatStore, query: str, *, owner: str = "", limit: int = 10, offset: int = 0) -> SearchPage:
    return await store.search(owner, parse_query(query), limit=limit, offset=offset)


def saying(chat_id: str, *texts: str) -> Chat:
    """A chat of these messages of the user; their ids are the texts' numbers."""
    messages = [
        Message(role="user", content=text, id=f"{chat_id}-{number}", timestamp=now())
        for number, text in enumerate(texts)
    ]
    return Chat(chat_id, "Searched", 1, now(), now(), messages)


async def found(store: ChatStore, query: str) -> list[str]:
    return sorted(hit.message_id for hit in (await search(store, query, limit=100)).results)


async def test_a_search_gives_every_field_of_the_contract(store: FileStore) -> None:
    chat = a_chat()
    await store.save(KEY, chat)

    page = await search(store, "answer")

    (hit,) = page.results
    assert page.total == 1
    assert (hit.chat_id, hit.title, hit.message_id, hit.role) == ("space", "Space", "msg_a0", "assistant")
    assert hit.timestamp == chat.messages[-1].timestamp
    assert hit.snippet == f"{MARK_START}answer{MARK_END} 0 é"
    assert hit.score > 0


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("moon", "012"),
        ("MOON Red", "01"),
        ('"red moon"', "0"),
        ('"moon red"', "1"),
        ("moon -red", "2"),
        ('moon -"red moon"', "12"),
        ("red OR sun", "013"),
        ("star", ""),
        ("oon", "012"),
        ("oon sun", ""),
        ("dark par", "4"),
        ("cafe", "4"),
        ("CAFÉ", "4"),
        ("go", "5"),
        ("as", "1"),
        ("oe", ""),
        ("go goes", "5"),
        ("c++", "5"),
        ("well-known", "5"),
        ("known OR red", "015"),
        ("北京", "6"),
        ("猫", "6"),
        ("北京大学", "6"),
        ("猫 -北京", ""),
        ("京大学的", "6"),
        ("학교", "6"),
        ("ねこ", "6"),
        ("🎉", "6"),
        ("привет", "7"),
        ("ёлка", "7"),
        ("елк", "7"),
        ("οδος", "7"),
        ("strasse", "7"),
    ],
)
async def test_a_search_finds_what_web_searches_would(store: FileStore, query: str, numbers: str) -> None:
    texts = [
        "A red moon.",
        "The moon, red as it rises",
        "Two moons",
        "The sun",
        "A dark Café party",
        "It goes well: go, C++ is well known",
        "我喜欢北京大学的猫。 학교에서 ねこがいる 🎉",
        "Привет, ёлка. τη οδός. Straße",
    ]
    await store.save(KEY, saying("space", *texts))

    assert await found(store, query) == [f"space-{number}" for number in numbers]


async def test_a_search_finds_only_the_owners_messages(store: FileStore) -> None:
    await store.save(ChatKey("alice", "hers"), saying("hers", "the moon", "北京", "go"))
    await store.save(KEY, saying("space", "the sun"))

    for query in ("moon", "oon", "北京", "go", "moon OR sun -star"):
        assert "hers-0" not in await found(store, query)
        assert (await search(store, query, owner="bob")) == SearchPage([], 0)
    assert (await search(store, "moon", owner="alice")).total == 1


async def test_a_search_sees_what_was_saved_before_it(store: FileStore) -> None:
    chat = a_chat()
    await store.save(KEY, chat)
    for number in range(1, 4):
        chat = grown(chat, number)
        await store.save(KEY, chat)
        assert (await search(store, f'"answer {number}"')).total == 1


async def test_a_search_tells_the_title_that_was_given_last(store: FileStore) -> None:
    chat = a_chat()
    await store.save(KEY, chat)
    await store.save(KEY, msgspec.structs.replace(chat, title="Moon", revision=chat.revision + 1))

    assert [hit.title for hit in (await search(store, "answer")).results] == ["Moon"]


async def test_a_search_does_not_find_what_was_replaced_or_is_the_systems(store: FileStore) -> None:
    await store.save(KEY, a_chat())
    await store.save(KEY, msgspec.structs.replace(saying("space", "something else"), revision=2))

    assert await found(store, "question OR answer OR brief") == []
    assert await found(store, "something") == ["space-0"]


async def test_the_best_matches_come_first_a_page_at_a_time(store: FileStore) -> None:
    far = "the moon " + "and much more besides " * 20
    await store.save(KEY, saying("space", far, "moonlight", "moon, moon, moon", "the moon", "the moon"))

    pages = [await search(store, "moon", limit=2, offset=offset) for offset in (0, 2, 4, 6)]

    ids = [hit.message_id for page in pages for hit in page.results]
    assert ids[:3] == ["space-2", "space-4", "space-3"]  # equals: the newest first
    assert len(ids) == 5
    assert [page.total for page in pages] == [5] * 4
    scores = [hit.score for page in pages for hit in page.results]
    assert scores == sorted(scores, reverse=True)


async def test_of_very_many_matches_as_many_are_counted_as_the_contract_says(store: FileStore) -> None:
    await store.save(KEY, saying("space", *["moon"] * (MOST_FOUND + 1)))

    assert (await search(store, "moon")).total == MOST_FOUND


async def test_a_message_that_holds_anything_is_found_and_shown(store: FileStore) -> None:
    odd = f"{MARK_START}<mark>moon</mark>{MARK_END} \u202e \U0010ffff \x00 'drop' \"quote\" " + "x" * 100_000 + " end"
    await store.save(KEY, saying("space", odd))

    for query in ("moon", "drop", "quote", "end"):
        (hit,) = (await search(store, query)).results
        assert f"{MARK_START}{query}{MARK_END}" in hit.snippet
        assert (hit.snippet.count(MARK_START), hit.snippet.count(MARK_END)) == (1, 1)
        assert len(hit.snippet) <= 202


async def test_only_one_at_a_time_edits_a_chat(store: FileStore) -> None:
    await store.save(KEY, a_chat(turns=0))

    async def add(number: int) -> None:
        async with store.editing(KEY):
            await store.save(KEY, grown(await store.load(KEY), number))

    await asyncio.gather(*(add(number) for number in range(8)))

    assert len((await store.load(KEY)).messages) == 17


async def written(store: ChatStore, revisions: int, key: ChatKey = KEY) -> list[Chat]:
    """Write a chat that many times, a turn each, and return its versions, oldest first."""
    versions = [msgspec.structs.replace(a_chat(key.chat_id), title="Version 1")]
    for number in range(1, revisions):
        versions.append(msgspec.structs.replace(grown(versions[-1], number), title=f"Version {number + 1}"))
    for version in versions:
        await store.save(key, version)
    return versions


async def numbers_of(store: ChatStore, key: ChatKey = KEY) -> list[int]:
    return [generation.number for generation in await store.generations(key)]


async def test_a_chat_written_once_has_no_earlier_generations(store: FileStore) -> None:
    await written(store, 1)

    assert await store.generations(KEY) == []


async def test_the_last_five_generations_are_kept_newest_first(store: FileStore) -> None:
    versions = await written(store, 8)

    kept = await store.generations(KEY)

    assert [generation.number for generation in kept] == [7, 6, 5, 4, 3]
    assert [generation.title for generation in kept] == [f"Version {number}" for number in (7, 6, 5, 4, 3)]
    assert [generation.message_count for generation in kept] == [14, 12, 10, 8, 6]
    assert [generation.last_updated for generation in kept] == [versions[n - 1].last_updated for n in (7, 6, 5, 4, 3)]
    sizes = [generation.size_bytes for generation in kept]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[-1] > 500


async def test_generations_of_a_chat_that_is_not_there_are_not_found(store: FileStore) -> None:
    with pytest.raises(ChatNotFound):
        await store.generations(KEY)
    with pytest.raises(ChatNotFound):
        await store.restore(KEY, 1)


async def test_a_restored_generation_is_the_next_revision_and_the_present_becomes_a_generation(
    store: FileStore,
) -> None:
    versions = await written(store, 3)

    restored = await store.restore(KEY, 1)

    assert restored == msgspec.structs.replace(versions[0], revision=4)
    assert await store.load(KEY) == restored
    assert await numbers_of(store) == [3, 2, 1]
    ((row,), _) = await store.summaries("", limit=10, before=None)
    assert (row.title, row.message_count) == ("Version 1", 2)
    assert await store.find_run("run_2") is None
    assert (await search(store, "answer")).total == 1
    assert await store.restore(KEY, 3) == msgspec.structs.replace(versions[2], revision=5)
    assert await store.find_run("run_2") is not None


@pytest.mark.parametrize("number", [0, 2, 8, 9, -1, 2**80])
async def test_a_generation_that_is_not_kept_is_not_found_and_changes_nothing(store: FileStore, number: int) -> None:
    versions = await written(store, 8)

    with pytest.raises(GenerationNotFound):
        await store.restore(KEY, number)

    assert await store.load(KEY) == versions[-1]
    assert await numbers_of(store) == [7, 6, 5, 4, 3]


@pytest.mark.parametrize("revision", [0, 1, 2, 4, 5])
async def test_a_chat_whose_revision_is_not_the_next_is_refused_and_changes_nothing(
    store: FileStore, revision: int
) -> None:
    versions = await written(store, 2)

    with pytest.raises(RevisionConflict):
        await store.save(KEY, msgspec.structs.replace(grown(versions[1], 2), revision=revision))

    assert await store.load(KEY) == versions[1]
    assert await numbers_of(store) == [1]


@pytest.mark.parametrize("revision", [0, 1, 3])
async def test_a_restore_based_on_another_revision_is_refused_and_changes_nothing(
    store: FileStore, revision: int
) -> None:
    versions = await written(store, 2)

    with pytest.raises(RevisionConflict):
        await store.restore(KEY, 1, revision=revision)

    assert await store.load(KEY) == versions[1]
    assert await numbers_of(store) == [1]


async def test_a_chat_that_is_new_here_keeps_the_revision_it_comes_with(store: FileStore) -> None:
    await store.save(KEY, msgspec.structs.replace(a_chat(), revision=7))

    assert (await store.load(KEY)).revision == 7
    assert await store.generations(KEY) == []


async def test_a_deleted_chat_is_brought_back_as_it_was_with_its_generations(store: FileStore) -> None:
    versions = await written(store, 7)
    await store.delete(KEY, purge=False)

    assert await store.restore(KEY, None, revision=7) == versions[-1]

    assert await store.load(KEY) == versions[-1]
    assert await numbers_of(store) == [6, 5, 4, 3, 2]
    assert [row.chat_id for row in (await store.summaries("", limit=10, before=None))[0]] == ["space"]
    assert await store.find_run("run_6") is not None
    assert (await search(store, "answer")).total == 7
    assert await store.deleted("", limit=10, before=None) == ([], None)


async def test_of_a_chat_deleted_twice_the_newest_is_brought_back(store: FileStore) -> None:
    await written(store, 3)
    await store.delete(KEY, purge=False)
    newer = saying("space", "the newer one")
    await store.save(KEY, newer)
    await store.delete(KEY, purge=False)

    assert await store.restore(KEY, None) == newer
    assert await store.generations(KEY) == []
    await store.delete(KEY, purge=True)
    with pytest.raises(ChatNotFound):
        await store.restore(KEY, None)


async def test_a_chat_in_the_trash_does_not_take_the_place_of_another(store: FileStore) -> None:
    await written(store, 2)
    await store.delete(KEY, purge=False)
    other = saying("space", "another one")
    await store.save(KEY, other)

    with pytest.raises(Conflict):
        await store.restore(KEY, None)

    assert await store.load(KEY) == other
    assert [row.title for row in (await store.deleted("", limit=10, before=None))[0]] == ["Version 2"]


async def test_a_chat_in_the_trash_with_another_revision_than_expected_stays_there(store: FileStore) -> None:
    await written(store, 2)
    await store.delete(KEY, purge=False)

    with pytest.raises(RevisionConflict):
        await store.restore(KEY, None, revision=1)
    with pytest.raises(ChatNotFound):
        await store.load(KEY)
    assert (await store.restore(KEY, None)).revision == 2


async def test_the_generations_of_a_deleted_chat_are_not_those_of_a_new_one_with_its_id(store: FileStore) -> None:
    await written(store, 6)
    await store.delete(KEY, purge=False)
    await store.save(KEY, saying("space", "a new beginning"))

    assert await store.generations(KEY) == []
    for number in (1, 2, 5):
        with pytest.raises(GenerationNotFound):
            await store.restore(KEY, number)


async def test_an_imported_chat_does_not_take_over_the_generations_of_one_that_was_deleted(store: FileStore) -> None:
    await written(store, 6)
    await store.delete(KEY, purge=False)
    await store.save(KEY, msgspec.structs.replace(a_chat(), revision=6))

    assert await store.generations(KEY) == []


async def test_the_trash_is_listed_newest_first_a_page_at_a_time(store: FileStore) -> None:
    for number in range(5):
        key = ChatKey("", f"chat{number}")
        await written(store, number + 1, key)
        await store.delete(key, purge=False)
    await written(store, 1, ChatKey("alice", "hers"))
    await store.delete(ChatKey("alice", "hers"), purge=False)

    first, cursor = await store.deleted("", limit=2, before=None)
    second, cursor = await store.deleted("", limit=2, before=cursor)
    third, end = await store.deleted("", limit=2, before=cursor)

    assert [row.chat_id for row in first + second + third] == ["chat4", "chat3", "chat2", "chat1", "chat0"]
    assert end is None
    assert (first[0].title, first[0].message_count) == ("Version 5", 10)
    assert [row.deleted_at for row in first + second + third] == sorted(
        (row.deleted_at for row in first + second + third), reverse=True
    )
    assert all(is_timestamp(row.deleted_at) for row in first)
    assert [row.chat_id for row in (await store.deleted("alice", limit=9, before=None))[0]] == ["hers"]


@pytest.mark.parametrize("cursor", ["", "x", "_", "-1_x", "1.5_x", "²_x", "9" * 5000 + "_x"])
async def test_a_broken_cursor_of_the_trash_is_refused(store: FileStore, cursor: str) -> None:
    with pytest.raises(InvalidRequest):
        await store.deleted("", limit=2, before=cursor)


async def test_what_was_removed_for_good_is_in_no_trash_and_has_no_generations(store: FileStore) -> None:
    await written(store, 3)
    await store.delete(KEY, purge=False)
    await written(store, 3)

    await store.delete(KEY, purge=True)

    assert await store.deleted("", limit=10, before=None) == ([], None)
    with pytest.raises(ChatNotFound):
        await store.restore(KEY, None)
    await store.save(KEY, msgspec.structs.replace(a_chat(), revision=4))
    assert await store.generations(KEY) == []


async def test_a_store_that_can_be_written_says_so(store: FileStore) -> None:
    await store.check_writable()


class TestFiles:
    """What only files can do, and suffer."""

    async def test_the_file_has_a_line_a_message_and_ends_with_a_newline(self, tmp_path: Path) -> None:
        async with file_store(tmp_path) as store:
            await store.save(KEY, a_chat())

        text = (tmp_path / "space.json").read_text()

        assert text.endswith("]\n}\n")
        assert text.splitlines()[:4] == ["{", '  "format": 1,', '  "chat_id": "space",', '  "title": "Space",']
        assert sum(line.startswith('    {"id": ') for line in text.split("\n")) == 2

    async def test_a_grown_chat_changes_only_the_lines_that_grew(self, tmp_path: Path) -> None:
        async with file_store(tmp_path) as store:
            chat = a_chat()
            await store.save(KEY, chat)
            before = (tmp_path / "space.json").read_bytes().split(b"\n")
            await store.save(KEY, grown(chat, 1))
            after = (tmp_path / "space.json").read_bytes().split(b"\n")

        changed = [line.strip(b" ,") for line in after if line not in before and line.rstrip(b",") not in before]
        assert [line[:10] for line in changed] == [b'"revision"', b'"last_upda', b'{"id": "ms', b'{"id": "ms']

    async def test_a_file_changed_by_hand_is_noticed(self, tmp_path: Path) -> None:
        async with file_store(tmp_path) as store:
            await store.save(KEY, a_chat())
            path = tmp_path / "space.json"
            path.write_text(path.read_text().replace("question 0", "changed by hand").replace('"Space"', '"Mine"'))

            assert (await store.load(KEY)).messages[1].text == "changed by hand"
            ((row,), _) = await store.summaries("", limit=10, before=None)
            assert row.title == "Mine"
            assert await found(store, "changed") == ["msg_q0"]
            assert await found(store, "question") == []

    async def test_a_file_replaced_by_an_editor_is_searched_as_it_is_now(self, tmp_path: Path) -> None:
        async with file_store(tmp_path) as store:
            await store.save(KEY, a_chat())
            path = tmp_path / "space.json"
            path.with_suffix(".new").write_text(path.read_text().replace("question 0", "changed by hand"))
            path.with_suffix(".new").replace(path)

            assert await found(store, "changed") == ["msg_q0"]
            assert await found(store, "question") == []

    async def test_after_a_restart_everything_is_found_again(self, tmp_path: Path) -> None:
        async with file_store(tmp_path) as store:
            await store.save(KEY, a_chat())
        async with file_store(tmp_path) as store:
            assert await found(store, "answer") == ["msg_a0"]

    async def test_a_search_in_an_index_that_broke_is_an_error_once_and_then_works(self, tmp_path: Path) -> None:
        async with file_store(tmp_path) as store:
            await store.save(KEY, a_chat())
            assert await found(store, "answer") == ["msg_a0"]
        path = tmp_path / ".chatkeep" / "index.sqlite3"
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("UPDATE words_data SET block = x'ffffffff' WHERE id > 10")  # its pages
            database.commit()
        async with file_store(tmp_path) as store:
            with pytest.raises(StorageFailed):
                await search(store, "answer")
            assert await found(store, "answer") == ["msg_a0"]

    async def test_a_stop_in_the_middle_of_indexing_loses_no_change(self, tmp_path: Path) -> None:
        folder = Folder(tmp_path)
        folder.make()
        indexing = Indexing(folder)
        await indexing.start()
        go_on = threading.Event()
        indexing._thread.submit(go_on.wait)
        indexing.add(Put(KEY, a_chat(), Identity(1, 2, 3)))
        while indexing.waiting:
            await asyncio.sleep(0.01)

        closing = asyncio.create_task(indexing.aclose(dict))
        for _ in range(10):  # to where it waits for the thread
            await asyncio.sleep(0)
        go_on.set()
        await closing

        with contextlib.closing(sqlite3.connect(folder.index)) as database:
            assert database.execute("SELECT chat_id FROM chats").fetchall() == [("space",)]

    async def test_files_added_and_removed_by_hand_are_noticed_by_a_list(self, tmp_path: Path) -> None:
        async with file_store(tmp_path) as store:
            await store.save(KEY, a_chat())
            (tmp_path / "copy.json").write_bytes((tmp_path / "space.json").read_bytes())
            (tmp_path / "@bob").mkdir()
            (tmp_path / "@bob" / "his.json").write_bytes((tmp_path / "space.json").read_bytes())
            (tmp_path / "space.json").unlink()

            rows, _ = await store.summaries("", limit=10, before=None)
            bobs, _ = await store.summaries("bob", limit=10, before=None)

        assert [row.chat_id for row in rows] == ["copy"]
        assert [row.chat_id for row in bobs] == ["his"]

    async def test_a_file_of_the_older_format_is_read_and_upgraded_by_its_next_write(self, tmp_path: Path) -> None:
        old = {
            "created_at": "2024-05-01T10:00:00",
            "last_updated": "2024-05-01T10:00:05.5",
            "mood": {"happy": True},
            "messages": [
                {"role": "user", "content": "hi", "timestamp": "2024-05-01T10:00:00", "stars": 5},
                {"role": "assistant", "content": "hello", "timestamp": "2024-05-01T10:00:05.5"},
            ],
        }
        (tmp_path / "old.json").write_text(json.dumps(old))
        key = ChatKey("", "old")
        async with file_store(tmp_path) as store:
            chat = await store.load(key)
            assert (chat.title, chat.revision, chat.created_at) == ("hi", 0, "2024-05-01T10:00:00.000000Z")
            assert json.loads((tmp_path / "old.json").read_text()) == old

            await store.save(key, grown(chat, 1))
            again = json.loads((tmp_path / "old.json").read_text())

        assert (again["format"], again["revision"], again["mood"]) == (1, 1, {"happy": True})
        assert again["messages"][0]["stars"] == 5
        assert [m["id"] for m in again["messages"][:2]] == [m.id for m in chat.messages]

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"{",
            b"[]",
            b"null",
            b'{"messages": 5}',
            b'{"messages": [{"role": "king", "content": "x"}]}',
            b"\xff\xfe",
            b'{"format": 99, "messages": []}',
            b'{"messages": [{"role": "user", "content": "x", "timestamp": "yesterday"}]}',
        ],
    )
    async def test_a_file_that_is_no_chat_is_an_error_and_stays_as_it_is(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "space.json").write_bytes(content)
        (tmp_path / "other.json").write_text('{"messages": [{"role": "user", "content": "fine"}]}')
        async with file_store(tmp_path) as store:
            with pytest.raises(ChatUnreadable):
                await store.load(KEY)
            rows, _ = await store.summaries("", limit=10, before=None)

        assert [row.chat_id for row in rows] == ["other"]
        assert (tmp_path / "space.json").read_bytes() == content

    @pytest.mark.parametrize(
        "content",
        [
            '{"messages": [{"role": "user", "content": [{"type": "image_url", "text": null}, [1], 5]}]}',
            '{"created_at": "0001-01-01T00:00:00+05:00", "messages": []}',
            '{"created_at": "0999-01-01T00:00:00", "messages": []}',
            '{"messages": [{"role": "user", "content": []}]}',
        ],
    )
    async def test_an_odd_file_disturbs_neither_the_start_nor_a_list(self, tmp_path: Path, content: str) -> None:
        (tmp_path / "odd.json").write_text(content)
        os.utime(tmp_path / "odd.json", (0, 253_402_300_800))  # the year 10000
        (tmp_path / "fine.json").write_text('{"messages": [{"role": "user", "content": "fine"}]}')
        async with file_store(tmp_path) as store:
            rows, _ = await store.summaries("", limit=10, before=None)
            assert "fine" in [row.chat_id for row in rows]

            with contextlib.suppress(ChatUnreadable):
                await store.save(ChatKey("", "odd"), grown(await store.load(ChatKey("", "odd")), 1))
                assert (await store.load(ChatKey("", "odd"))).messages[-1].text.startswith("answer")

    async def test_a_chat_deleted_while_it_is_read_is_not_listed_again(self, tmp_path: Path) -> None:
        async with file_store(tmp_path) as store:
            await store.save(KEY, a_chat())
        async with file_store(tmp_path) as store:
            reading = asyncio.create_task(store.load(KEY))
            await asyncio.sleep(0)
            await store.delete(KEY, purge=True)
            await asyncio.gather(reading, return_exceptions=True)

            assert await store.summaries("", limit=10, before=None) == ([], None)

    async def test_many_may_ask_at_once_whether_it_can_be_written(self, tmp_path: Path) -> None:
        async with file_store(tmp_path) as store:
            await asyncio.gather(*(store.check_writable() for _ in range(200)))

    async def test_a_link_or_a_pipe_is_not_followed(self, tmp_path: Path) -> None:
        secret = tmp_path.parent / f"{tmp_path.name}-secret.json"
        secret.write_text('{"messages": [{"role": "user", "content": "secret"}]}')
        (tmp_path / "space.json").symlink_to(secret)
        os.mkfifo(tmp_path / "pipe.json")
        async with file_store(tmp_path) as store:
            for chat_id in ("space", "pipe"):
                with pytest.raises(ChatUnreadable):
                    await store.load(ChatKey("", chat_id))
            assert await store.summaries("", limit=10, before=None) == ([], None)

    async def test_the_older_formats_own_index_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "index.json").write_text('{"space": {"title": "old"}}')
        async with file_store(tmp_path) as store:
            await store.save(KEY, a_chat())
            rows, _ = await store.summaries("", limit=10, before=None)

        assert [row.chat_id for row in rows] == ["space"]
        assert (tmp_path / "index.json").read_text() == '{"space": {"title": "old"}}'

    @pytest.mark.parametrize("damage", ["deleted", "garbage", "truncated", "other version"])
    async def test_the_index_is_made_again_from_the_files(self, tmp_path: Path, damage: str) -> None:
        async with file_store(tmp_path) as store:
            await store.save(KEY, a_chat(idempotency=IDEMPOTENCY))
        index = tmp_path / ".chatkeep" / "index.sqlite3"
        if damage == "deleted":
            index.unlink()
        elif damage == "garbage":
            index.write_bytes(b"not a database" * 1000)
        elif damage == "truncated":
            index.write_bytes(index.read_bytes()[:5000])
        else:
            index.write_bytes(index.read_bytes()[:60] + b"\0\0\0\x63" + index.read_bytes()[64:])

        async with file_store(tmp_path) as store:
            rows, _ = await store.summaries("", limit=10, before=None)
            run = await store.find_run("run_0")
            texts = await found(store, "answer")
            key = await store.find_idempotent("", IDEMPOTENCY.key)

        assert [row.chat_id for row in rows] == ["space"]
        assert run is not None
        assert texts == ["msg_a0"]
        assert key is not None

    async def test_after_a_clean_stop_an_unchanged_folder_is_trusted_and_a_changed_one_is_not(
        self, tmp_path: Path
    ) -> None:
        async with file_store(tmp_path) as store:
            await store.save(KEY, a_chat())
        (tmp_path / "new.json").write_bytes((tmp_path / "space.json").read_bytes())

        async with file_store(tmp_path) as store:
            rows, _ = await store.summaries("", limit=10, before=None)

        assert sorted(row.chat_id for row in rows) == ["new", "space"]

    async def test_a_second_server_is_refused_and_told_who_owns_the_folder(self, tmp_path: Path) -> None:
        async with file_store(tmp_path):
            with pytest.raises(FolderInUse, match=str(os.getpid())):
                await FileStore(tmp_path, run_kept_s=0, trash_days=0).start()

        async with file_store(tmp_path) as store:
            await store.check_writable()

    async def test_what_a_killed_server_was_writing_is_cleared_away(self, tmp_path: Path) -> None:
        async with file_store(tmp_path):
            pass
        (tmp_path / ".chatkeep" / "tmp" / "half-written").write_bytes(b"{")

        async with file_store(tmp_path):
            assert list((tmp_path / ".chatkeep" / "tmp").iterdir()) == []

    async def test_a_deleted_chat_stays_in_the_trash_for_its_days(self, tmp_path: Path) -> None:
        async with file_store(tmp_path) as store:
            await store.save(KEY, a_chat())
            content = (tmp_path / "space.json").read_bytes()
            await store.delete(KEY, purge=False)
        (kept,) = (tmp_path / ".chatkeep" / "trash").iterdir()
        assert kept.read_bytes() == content

        old = kept.with_name("space~1000000000.json")
        kept.rename(old)
        async with file_store(tmp_path):
            assert not old.exists()

    async def test_names_that_are_no_chat_ids_are_passed_over(self, tmp_path: Path) -> None:
        for name in ("my notes.json", ".hidden.json", "readme.txt", "ä.json"):
            (tmp_path / name).write_text('{"messages": []}')
        (tmp_path / "folder.json").mkdir()
        async with file_store(tmp_path) as store:
            assert await store.summaries("", limit=10, before=None) == ([], None)
