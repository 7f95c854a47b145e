"""The history of prompts and replies over all chats of an owner, newest first."""

import heapq
from collections.abc import Callable, Collection, Iterable
from operator import attrgetter
from typing import Literal

import msgspec
import structlog

from chatkeep.chat.branch import questions
from chatkeep.chat.images import images_in
from chatkeep.chat.model import Chat, ChatKey, Message, ReplyStatus
from chatkeep.chat.ports import ChatStore, StoredTurn
from chatkeep.chat.run import Run, RunState
from chatkeep.chat.seal import load_or_none
from chatkeep.errors import ChatUnreadable, RunNotFound

_logger = structlog.get_logger("chatkeep.chat")

ExchangeStatus = ReplyStatus | Literal["queued", "running"]


class Exchange(msgspec.Struct, frozen=True):
    """One prompt and its reply, named after the run between them.

    `images` is how many the prompt has. `response` is what there is of the reply; `status` says whether that is all of
    it. `created_at` is when the prompt was sent. A continuation is an exchange of its own, with the prompt of the reply
    it goes on with.
    """

    run_id: str
    chat_id: str
    prompt: str
    response: str
    created_at: str
    status: ExchangeStatus
    images: int = 0


class Exchanges:
    """Reads exchanges from the chats and from the runs that go on. `live` gives an owner's live runs."""

    def __init__(self, store: ChatStore, live: Callable[[str], list[Run]]) -> None:
        self._store = store
        self._live = live

    async def page(self, owner: str, *, limit: int, offset: int) -> list[Exchange]:
        """`limit` exchanges from the `offset`th on, newest first. A chat that cannot be read is passed over.

        Raises: StorageFailed.
        """
        # Race: looked at before the store is asked, so a run that ends meanwhile is in one of them or in both.
        live = {run.run_id: run for run in self._live(owner) if run.record.chat_id}
        stored = await self._store.newest_turns(owner, limit=offset + limit)
        for turn in stored:
            live.pop(turn.run_id, None)
        going = sorted(map(_turn_of, live.values()), key=attrgetter("created_at"), reverse=True)
        # Why those that go first: a continuation has the time of its prompt, as the reply has that it goes on with.
        turns = list(heapq.merge(going, stored, key=attrgetter("created_at"), reverse=True))[offset : offset + limit]
        found = await self._read(owner, (turn for turn in turns if turn.run_id not in live))
        found |= {run_id: _going(run) for run_id, run in live.items()}
        return [found[turn.run_id] for turn in turns if turn.run_id in found]

    async def one(self, owner: str, run_id: str) -> Exchange:
        """The exchange of that run. Raises: RunNotFound, StorageFailed."""
        live = next((run for run in self._live(owner) if run.run_id == run_id and run.record.chat_id), None)
        if live is not None:
            return _going(live)
        stored = await self._store.find_run(run_id)
        if stored is not None and stored.key.owner == owner:
            chat = await load_or_none(self._store, stored.key)
            kept = _kept(chat, {run_id}) if chat else {}
            if kept:
                return kept[run_id]
        raise RunNotFound(f"There is no run {run_id}.")

    async def _read(self, owner: str, turns: Iterable[StoredTurn]) -> dict[str, Exchange]:
        """The exchanges of `turns` by run id, without those that are gone or unreadable. Each chat is read once."""
        by_chat: dict[str, set[str]] = {}
        for turn in turns:
            by_chat.setdefault(turn.chat_id, set()).add(turn.run_id)
        found: dict[str, Exchange] = {}
        for chat_id, run_ids in by_chat.items():
            try:
                chat = await load_or_none(self._store, ChatKey(owner, chat_id))
            except ChatUnreadable as exc:
                _logger.warning("chat_passed_over", chat_id=chat_id, detail=exc.detail)
                continue
            found |= _kept(chat, run_ids) if chat else {}
        return found


def _turn_of(run: Run) -> StoredTurn:
    return StoredTurn(run.record.chat_id, run.run_id, _sent_at(run))


def _sent_at(run: Run) -> str:
    return run.record.user.timestamp or run.record.created_at


def _going(run: Run) -> Exchange:
    """A run that waits or goes on. One that is being saved goes on: its last words may not be seen yet."""
    record = run.record
    status: ExchangeStatus = "queued" if run.state is RunState.QUEUED else "running"
    if run.state.is_final and run.ending is not None:
        status = run.state.reply_status
    user = record.user
    images = len(images_in(user.content))
    return Exchange(run.run_id, record.chat_id, user.text, run.visible_text, _sent_at(run), status, images)


def _kept(chat: Chat, run_ids: Collection[str]) -> dict[str, Exchange]:
    """The exchanges that those runs made in `chat`, by run id."""
    return {
        reply.run_id: _exchange(chat, reply.run_id, reply, question)
        for reply, question in zip(chat.messages, questions(chat), strict=True)
        if reply.run_id is not None and reply.run_id in run_ids
    }


def _exchange(chat: Chat, run_id: str, reply: Message, question: Message | None) -> Exchange:
    created_at = (question.timestamp if question else None) or reply.timestamp or chat.created_at
    prompt = question.text if question else ""
    images = len(images_in(question.content)) if question else 0
    return Exchange(run_id, chat.chat_id, prompt, reply.text, created_at, reply.status or "complete", images)
