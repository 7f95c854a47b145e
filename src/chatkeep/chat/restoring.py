"""Bring chats back: from the trash, or as they were some writes ago."""

import asyncio
import contextlib

from chatkeep.chat.model import Chat, ChatKey, check_revision
from chatkeep.chat.ports import ChatStore
from chatkeep.chat.seal import load_or_none
from chatkeep.chat.turn import Turns
from chatkeep.errors import ChatBusy, ChatNotFound, ChatUnreadable


class Restoring:
    """Restores chats of `store` in which no run is going."""

    def __init__(self, store: ChatStore, turns: Turns) -> None:
        self._store = store
        self._turns = turns

    async def restore(self, key: ChatKey, generation: int | None, revision: int | None) -> tuple[Chat, set[str]]:
        """Bring the chat back, and return it with the runs whose replies are in it no more.

        Raises: ChatBusy, and as ChatStore's.
        """
        # Why first: turns that the disk refused are a part of the present, which is to be kept. What cannot be put
        # into a file that is no chat comes behind what is brought back.
        with contextlib.suppress(ChatUnreadable):
            await asyncio.shield(self._turns.settle(key))
        # Why a shield: a request that is given up must not part a write from what the store notes of it.
        before, chat = await asyncio.shield(self._restore(key, generation, revision))
        return chat, before - run_ids_in(chat)

    async def _restore(self, key: ChatKey, generation: int | None, revision: int | None) -> tuple[set[str], Chat]:
        async with self._store.editing(key):
            going = self._turns.lanes.first(key)
            if going is not None:
                raise ChatBusy(f"Run {going.run_id} is going in chat {key.chat_id}.")
            before: set[str] = set()
            with contextlib.suppress(ChatUnreadable):
                before = run_ids_in(await load_or_none(self._store, key))
            return before, await self._store.restore(key, generation, revision=revision)


async def check_stored_revision(store: ChatStore, key: ChatKey, revision: int | None, *, is_begun: bool) -> None:
    """Return when the chat has `revision`, or that is None. A chat that `is_begun` and has no file yet has 0.

    Raises: ChatNotFound, RevisionConflict, ChatUnreadable, StorageFailed.
    """
    if revision is None:
        return
    chat = await load_or_none(store, key)
    if chat is None and not is_begun:
        raise ChatNotFound(f"There is no chat {key.chat_id}.")
    check_revision(key.chat_id, chat.revision if chat is not None else 0, revision)


def run_ids_in(chat: Chat | None) -> set[str]:
    """The runs that made replies of the chat, by what it says itself."""
    return {message.run_id for message in (chat.messages if chat else []) if message.run_id is not None}
