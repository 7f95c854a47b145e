"""Chats that come from elsewhere: taken as they are, never over another one, and twice is once."""

import hashlib
from collections.abc import Awaitable, Callable
from typing import Literal

import msgspec

from chatkeep.chat.model import Chat, ChatKey, Origin, check_chat_id, imported_id
from chatkeep.chat.ports import ChatStore
from chatkeep.errors import ChatNotFound, ChatUnreadable, Conflict, InvalidRequest

_FORK = "chatkeep"  # the source of a fork's origin: it is a chat of ours

Outcome = Literal["imported", "already_there", "differs", "id_taken"]


class Taken(msgspec.Struct, frozen=True):
    """What became of a chat that came, and the id that it has here.

    `already_there`: it is, with all the messages that came. `differs`: it is, and lacks some of them; it was left as
    it is. `id_taken`: another chat has its id, or a run is making one under it; the chat that came is not here.
    """

    chat_id: str
    outcome: Outcome


class _Named(msgspec.Struct):
    id: str | None = None
    role: str = ""


class _File(msgspec.Struct):
    """What says which chat a file is, and what it has."""

    messages: list[_Named]
    chat_id: str = ""
    origin: Origin | None = None


class _Coming(msgspec.Struct, frozen=True):
    """A chat that comes. `data` is its file, None when it has none yet."""

    chat_id: str
    origin: Origin | None
    message_ids: set[str | None]
    data: bytes | None


class Transfers:
    """Takes chats into `store`. `is_busy` says whether a run is going in a chat, or waits there."""

    def __init__(self, store: ChatStore, is_busy: Callable[[ChatKey], bool]) -> None:
        self._store = store
        self._is_busy = is_busy

    async def take_file(self, owner: str, data: bytes, chat_id: str | None) -> Taken:
        """Take the file of a chat, byte for byte. Raises: InvalidRequest, InvalidChatId, StorageFailed."""
        file = _decoded(data)
        named = check_chat_id(chat_id or file.chat_id or f"imported-{hashlib.sha256(data).hexdigest()[:32]}")
        ids = {message.id for message in file.messages if message.role != "system"}

        async def put(key: ChatKey) -> None:
            chat = await self._store.add(key, data)
            if key.chat_id != named:  # Why: its file still has the id that another chat has here
                await self._store.save(key, msgspec.structs.replace(chat, revision=chat.revision + 1))

        return await self._take(owner, _Coming(named, file.origin, ids, data), put)

    async def take_chat(self, owner: str, chat: Chat) -> Taken:
        """Take a chat that has no file yet. Raises: InvalidChatId, StorageFailed."""

        async def put(key: ChatKey) -> None:
            try:
                await self._store.read_file(key)
            except ChatNotFound:
                await self._store.save(key, msgspec.structs.replace(chat, chat_id=key.chat_id))
            else:
                raise Conflict(f"There is a chat {key.chat_id} already.")

        ids = {message.id for message in chat.messages if message.role != "system"}
        return await self._take(owner, _Coming(check_chat_id(chat.chat_id), chat.origin, ids, None), put)

    async def _take(self, owner: str, coming: _Coming, put: Callable[[ChatKey], Awaitable[None]]) -> Taken:
        """Put it under its id or, where another chat has that, under the one that its origin gives."""
        ids = [coming.chat_id]
        if coming.origin is not None and coming.origin.source != _FORK:
            ids.append(imported_id(coming.origin))
        for chat_id in dict.fromkeys(ids):
            key = ChatKey(owner, chat_id)
            async with self._store.editing(key):
                outcome = await self._put(key, coming, put)
            if outcome != "id_taken":
                return Taken(chat_id, outcome)
        return Taken(coming.chat_id, "id_taken")

    async def _put(self, key: ChatKey, coming: _Coming, put: Callable[[ChatKey], Awaitable[None]]) -> Outcome:
        if not self._is_busy(key):
            try:
                await put(key)
                return "imported"
            except (Conflict, ChatUnreadable):
                pass
        return await self._compared(key, coming)

    async def _compared(self, key: ChatKey, coming: _Coming) -> Outcome:
        """What the chat that stands there is to the one that comes."""
        try:
            if coming.data is not None and await self._store.read_file(key) == coming.data:
                return "already_there"
            stored = await self._store.load(key)
        except (ChatNotFound, ChatUnreadable):
            return "id_taken"
        ids = {message.id for message in stored.messages}
        if coming.origin is not None and coming.origin.source != _FORK:
            is_same = stored.origin == coming.origin
        else:
            is_same = bool(ids & (coming.message_ids - {None}))
        if not is_same:
            return "id_taken"
        return "already_there" if coming.message_ids <= ids else "differs"


def _decoded(data: bytes) -> _File:
    try:
        return msgspec.json.decode(data, type=_File)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        raise InvalidRequest(f"That is not the file of a chat: {exc}.") from exc
