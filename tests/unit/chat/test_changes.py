import asyncio
from pathlib import Path

import pytest

from chatkeep.chat.changes import TellingStore
from chatkeep.chat.model import Chat, ChatKey
from chatkeep.errors import RevisionConflict
from tests.puppet import RefusingStore

pytestmark = pytest.mark.anyio

KEY = ChatKey("", "chat")
AT = "2026-01-01T00:00:00.000000Z"


async def test_what_is_stored_is_told_after_it_was_and_what_is_refused_is_not(tmp_path: Path) -> None:
    files = RefusingStore(tmp_path, run_kept_s=3600, trash_days=7)
    await files.start()
    store, told = TellingStore(files), list[Chat | None]()

    def breaks(*_: object) -> None:
        raise asyncio.QueueFull

    store.listeners += [breaks, lambda _, chat: told.append(chat)]
    chat = Chat("chat", "t", 1, AT, AT, [])
    async with store.editing(KEY):
        await store.save(KEY, chat)
        with pytest.raises(RevisionConflict):
            await store.save(KEY, chat)
        await store.delete(KEY, purge=False)
        restored = await store.restore(KEY, None)
    other = ChatKey("", "other")
    async with store.editing(other):
        added = await store.add(other, b'{"messages":[]}')
    await files.aclose()

    assert told == [chat, None, restored, added]
