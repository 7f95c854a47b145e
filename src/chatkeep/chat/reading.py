"""Read chats as they are at one instant: what is stored, and the turn that is going."""

from collections.abc import Callable

from chatkeep.chat.branch import active_path, path_before, siblings_of
from chatkeep.chat.messages import History, live_turn
from chatkeep.chat.model import Chat, ChatKey
from chatkeep.chat.ports import ChatStore, ChatSummary
from chatkeep.chat.run import Run
from chatkeep.chat.seal import load_or_none, new_chat, reply_in
from chatkeep.chat.turn import Turns
from chatkeep.errors import ChatNotFound, ChatUnreadable, InvalidRequest


class Reading:
    """Reads chats of `store`, whose runs are in `turns`. `system_prompt` gives the prompt of one that begins."""

    def __init__(self, store: ChatStore, turns: Turns, system_prompt: Callable[[], str]) -> None:
        self._store = store
        self._turns = turns
        self._system_prompt = system_prompt

    async def history(self, key: ChatKey, *, before: str | None, limit: int | None) -> History:
        """The last `limit` messages of those before message `before`. What it raises: interface.py."""
        chat, live = await self._snapshot(key)
        path = path_before(chat, live.record.parent_id) if live else active_path(chat)
        end = len(path)
        if before is not None:
            places = [place for place, message in enumerate(path) if message.id == before]
            if not places:
                raise InvalidRequest(
                    f"The chat has no message {before!r} on its active path.",
                    errors=(("before", "is no message of this chat"),),
                )
            end = places[0]
        begin = max(0, end - limit) if limit is not None else 0
        shown = path[begin:end]
        return History(chat, shown, begin > 0, live_turn(live) if live else None, siblings_of(chat, shown))

    async def chats(
        self, owner: str, *, limit: int, cursor: str | None
    ) -> tuple[list[tuple[ChatSummary, str | None]], str | None]:
        """A page of the owner's chats, and those that have begun and have no file yet."""
        live = {run.record.key: run for run in reversed(list(self._turns.lanes)) if run.record.owner == owner}
        begun = [run for run in live.values() if run.begins_chat and run.is_kept] if cursor is None else []
        begun = begun[: limit - 1]
        page, following = await self._store.summaries(owner, limit=limit - len(begun), before=cursor)
        known = {summary.chat_id for summary in page}
        begun = [run for run in begun if run.record.chat_id not in known]
        if following is not None:  # else all that is stored is on this page
            begun = [run for run in begun if not await self._is_stored(run.record.key)]
        page = [*map(_summary_of_begun, begun), *page]
        rows = [(summary, live.get(ChatKey(owner, summary.chat_id))) for summary in page]
        return [(summary, run.run_id if run else None) for summary, run in rows], following

    def begun(self, key: ChatKey) -> Chat | None:
        """The chat that a run is beginning, without a turn yet; None when no run that is kept is going in it."""
        live = self._turns.lanes.first(key)
        return new_chat(live.record, self._system_prompt()) if live is not None and live.is_kept else None

    async def _is_stored(self, key: ChatKey) -> bool:
        try:
            return await load_or_none(self._store, key) is not None
        except ChatUnreadable:
            return True

    async def _snapshot(self, key: ChatKey) -> tuple[Chat, Run | None]:
        """The stored chat and the run going in it. A turn is in the one or in the other, never in both or neither."""
        while True:
            live = self._turns.lanes.first(key)
            chat = await load_or_none(self._store, key)
            # Race: a run that ended while the file was read may be missing from it.
            if live is not self._turns.lanes.first(key):
                continue
            if live is not None and chat is not None and reply_in(chat, live.run_id) is not None:
                live = None
            if chat is None and live is None:
                raise ChatNotFound(f"There is no chat {key.chat_id}.")
            return chat or new_chat(live.record, self._system_prompt()), live  # type: ignore[union-attr]


def _summary_of_begun(run: Run) -> ChatSummary:
    """How a chat is listed whose first turn is still going."""
    chat, record = new_chat(run.record, ""), run.record
    return ChatSummary(chat.chat_id, chat.created_at, chat.created_at, 1, chat.title, record.provider, record.model)
