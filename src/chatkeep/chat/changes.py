"""Changes of chats as they are stored: told to who wants to know, such as the pages that show them.

What somebody changes in the folder by hand is not told.
"""

from collections.abc import Callable

import structlog

from chatkeep.chat.model import Chat, ChatKey
from chatkeep.chat.ports import ChatStore

ChangeListener = Callable[[ChatKey, Chat | None], None]
"""Told of a chat that is stored now, or with None of one that is deleted. On the event loop: must be quick."""

_logger = structlog.get_logger("chatkeep.chat")


class TellingStore:
    """A ChatStore: `store`, whose every change is told to `listeners`. One that breaks harms no change."""

    def __init__(self, store: ChatStore) -> None:
        self._store = store
        self.listeners: list[ChangeListener] = []
        self.load = store.load
        self.read_file = store.read_file
        self.editing = store.editing
        self.generations = store.generations
        self.deleted = store.deleted
        self.summaries = store.summaries
        self.search = store.search
        self.newest_turns = store.newest_turns
        self.find_run = store.find_run
        self.find_idempotent = store.find_idempotent
        self.check_writable = store.check_writable

    async def save(self, key: ChatKey, chat: Chat) -> None:
        """As the store's."""
        await self._store.save(key, chat)
        self._tell(key, chat)

    async def add(self, key: ChatKey, data: bytes) -> Chat:
        """As the store's."""
        chat = await self._store.add(key, data)
        self._tell(key, chat)
        return chat

    async def delete(self, key: ChatKey, *, purge: bool) -> None:
        """As the store's."""
        await self._store.delete(key, purge=purge)
        self._tell(key, None)

    async def restore(self, key: ChatKey, generation: int | None, *, revision: int | None = None) -> Chat:
        """As the store's."""
        chat = await self._store.restore(key, generation, revision=revision)
        self._tell(key, chat)
        return chat

    def _tell(self, key: ChatKey, chat: Chat | None) -> None:
        for listener in self.listeners:
            try:
                listener(key, chat)
            except Exception:
                _logger.exception("listener_crashed")
