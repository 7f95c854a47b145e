"""Changes of a chat that ask no model: another title, system prompt or active branch, a fork."""

import asyncio
import uuid
from collections.abc import Callable, Sequence

import msgspec

from chatkeep.chat.branch import Tree, beginning_of, end_place
from chatkeep.chat.continuation import path_named
from chatkeep.chat.model import Chat, ChatKey, Idempotency, Message, Origin, check_chat_id, check_revision, new_id, now
from chatkeep.chat.ports import ChatStore
from chatkeep.chat.seal import load_or_none, prompt_in
from chatkeep.errors import ChatBusy, ChatNotFound, Conflict, IdempotencyMismatch, InvalidRequest

_TITLE_CHARS = 200


class ForkRequest(msgspec.Struct, frozen=True):
    """Make a chat of the path to `message_id` in `chat_id`. `new_chat_id` None makes one up."""

    chat_id: str
    message_id: str
    new_chat_id: str | None = None
    revision: int | None = None


class Editing:
    """Changes chats in `store`. `is_busy` says whether a run is going in a chat, or waits there.

    `begun` gives a chat that has no file yet, as it is before its first turn, which is going; None when there is none.
    """

    def __init__(
        self, store: ChatStore, is_busy: Callable[[ChatKey], bool], begun: Callable[[ChatKey], Chat | None]
    ) -> None:
        self._store = store
        self._is_busy = is_busy
        self._begun = begun

    async def rename(self, key: ChatKey, title: str, revision: int | None) -> Chat:
        """Set the title. A list keeps its order: nothing was said."""
        title = " ".join(title.split())
        if not 1 <= len(title) <= _TITLE_CHARS:
            raise InvalidRequest(
                f"A title has 1 to {_TITLE_CHARS} characters.", errors=(("$.title", "is empty or too long"),)
            )
        return await self._change(key, revision, lambda chat: msgspec.structs.replace(chat, title=title))

    async def set_system_prompt(self, key: ChatKey, text: str, revision: int | None) -> Chat:
        """Set what the system says at the beginning; empty, it says nothing."""
        return await self._change(key, revision, lambda chat: _prompted(chat, text))

    async def switch_branch(self, key: ChatKey, message_id: str, revision: int | None) -> Chat:
        """Let the active path end where the newest one through the message does."""
        return await self._change(key, revision, lambda chat: self._switched(key, chat, message_id))

    async def fork(self, owner: str, request: ForkRequest, idempotency: Idempotency | None) -> Chat:
        """Copy the path into a chat of its own. With a key and no id, the key makes the id: twice is once."""
        key = ChatKey(owner, _id_of_fork(owner, request, idempotency))
        origin = Origin("chatkeep", check_chat_id(request.chat_id), request.message_id)
        # Why first: asked for again it is the same fork, whatever became of the chat that it was made of.
        there = await load_or_none(self._store, key)
        if there is None:
            source = await self._store.load(ChatKey(owner, origin.chat_id))
            check_revision(source.chat_id, source.revision, request.revision)
            path = path_named(source, request.message_id)
            copy = await asyncio.to_thread(_copy, key, source, path, origin)
            there = await asyncio.shield(self._put(key, copy))
            if there is copy:
                return copy
        if idempotency is None or there.origin is None:
            raise Conflict(f"There is a chat {key.chat_id} already.")
        if there.origin != origin:
            raise IdempotencyMismatch("This Idempotency-Key, or this id, was used for another fork.")
        return there

    async def _put(self, key: ChatKey, chat: Chat) -> Chat:
        """The chat that is there, which is `chat` when there was none. As below, to be shielded."""
        async with self._store.editing(key):
            if self._is_busy(key):
                raise Conflict(f"A chat {key.chat_id} has begun already.")
            there = await load_or_none(self._store, key)
            if there is None:
                await self._store.save(key, chat)
            return there or chat

    async def _change(self, key: ChatKey, revision: int | None, change: Callable[[Chat], Chat]) -> Chat:
        # Why a shield: a request that is given up must not part a save from what the store notes of it.
        return await asyncio.shield(self._changed(key, revision, change))

    async def _changed(self, key: ChatKey, revision: int | None, change: Callable[[Chat], Chat]) -> Chat:
        async with self._store.editing(key):
            # Why a file before its first turn: what was asked for stands as the turn does, whatever is killed.
            chat = await load_or_none(self._store, key) or self._begun(key)
            if chat is None:
                raise ChatNotFound(f"There is no chat {key.chat_id}.")
            check_revision(chat.chat_id, chat.revision, revision)
            changed = change(chat)
            if changed == chat:
                return chat
            changed = msgspec.structs.replace(changed, revision=chat.revision + 1)
            await self._store.save(key, changed)
            return changed

    def _switched(self, key: ChatKey, chat: Chat, message_id: str) -> Chat:
        # Why: a turn that goes is put where the active path ends.
        if self._is_busy(key):
            raise ChatBusy(f"A run is going in chat {key.chat_id}: its branch is the active one.")
        path_named(chat, message_id)
        tree = Tree(chat.messages)
        end = tree.end_of(tree.place_of(message_id) or 0)
        if end == end_place(chat, tree):
            return chat
        current = None if end == len(chat.messages) - 1 else chat.messages[end].id
        return msgspec.structs.replace(chat, current=current)


def own_prompt(chat: Chat) -> str:
    """The chat's system prompt: what the system says before all others. An imported chat may have more of it behind."""
    return prompt_in(chat.messages[: beginning_of(chat.messages) + 1])


def _prompted(chat: Chat, text: str) -> Chat:
    """The chat with this system prompt alone at its beginning, in place of those that stand there."""
    begin = beginning_of(chat.messages) + 1
    # Why kept, without words: a message may name it as its parent, also one of a turn that is going.
    named = [
        msgspec.structs.replace(message, content="") for message in chat.messages[:begin] if message.id is not None
    ]
    prompts = named
    if text.strip():
        last = named[-1] if named else Message(role="system", content="")
        prompts = [*named[:-1], msgspec.structs.replace(last, content=text)]
    return msgspec.structs.replace(chat, messages=[*prompts, *chat.messages[begin:]])


def _id_of_fork(owner: str, request: ForkRequest, idempotency: Idempotency | None) -> str:
    if request.new_chat_id is not None:
        return check_chat_id(request.new_chat_id)
    if idempotency is None:
        return str(uuid.uuid4())
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{owner} {idempotency.key}"))


def _copy(key: ChatKey, source: Chat, path: Sequence[Message], origin: Origin) -> Chat:
    """The path as a chat. Its messages have new ids, and belong to no run: those stay where they were made."""
    names: dict[str | None, str] = {message.id: new_id("msg") for message in path if message.id is not None}
    moment = now()
    return Chat(
        chat_id=key.chat_id,
        title=source.title,
        revision=1,
        created_at=moment,
        last_updated=moment,
        messages=[
            msgspec.structs.replace(
                message,
                id=names.get(message.id),
                continues=names.get(message.continues),
                run_id=None,
                idempotency=None,
                parent_id=None,
            )
            for message in path
        ],
        extra=source.extra,
        origin=origin,
    )
