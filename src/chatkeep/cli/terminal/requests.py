"""What the terminal client asks the server."""

from collections.abc import Iterator

import msgspec

from chatkeep.api.schemas import ChangedAnswer, ChatList, ChatRow, HistoryAnswer, StopReceipt
from chatkeep.chat.events import RunEvent
from chatkeep.cli.answers import path_of
from chatkeep.cli.client import Client, new_key
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.following import Reconnecting

Events = Iterator[RunEvent | Reconnecting]


class _Model(msgspec.Struct):
    id: str
    context_tokens: int | None = None


class _Models(msgspec.Struct):
    models: list[_Model]


class Asking(msgspec.Struct, frozen=True):
    """A request that begins a run. The same one sent again, with the same `key`, begins none."""

    path: str
    body: dict[str, object]
    key: str = msgspec.field(default_factory=new_key)


class Requests:
    """Talks to one server by `client`. Raises: CliError."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def history(self, chat_id: str, limit: int | None = None) -> HistoryAnswer | None:
        """The end of the chat's active path, all of it without a `limit`; None when there is no such chat."""
        try:
            return self._client.get(path_of("/chat/history/{}", chat_id), HistoryAnswer, {"limit": limit})
        except CliError as exc:
            if exc.exit_code == ExitCode.NOT_FOUND:
                return None
            raise

    def chats(self, limit: int) -> dict[str, ChatRow]:
        """The newest chats by id."""
        return self._client.get("/chat/history", ChatList, {"limit": limit}).chats

    def models(self) -> dict[str, int | None]:
        """The models on offer, as `provider/model`, and how many tokens each takes where that is known."""
        found = self._client.get("/api/llm/models", _Models).models
        if not found:  # the server may have begun with this command, and not have asked yet
            self._client.get("/api/llm/health", msgspec.Raw, {"check": True})
            found = self._client.get("/api/llm/models", _Models).models
        return {model.id: model.context_tokens for model in found}

    def begin(self, asking: Asking) -> Events:
        """The events of the run that `asking` begins."""
        return self._client.events(asking.path, asking.body, key=asking.key)

    def follow(self, run_id: str) -> Events:
        """The run's events from its beginning."""
        return self._client.follow(run_id)

    def stop(self, run_id: str) -> StopReceipt:
        """Stop the run; what it had is kept."""
        return self._client.post(path_of("/runs/{}/stop", run_id), None, StopReceipt)

    def rename(self, chat_id: str, title: str) -> ChangedAnswer:
        """Give the chat another title."""
        return self._client.patch(path_of("/chat/rename/{}", chat_id), {"title": title}, ChangedAnswer)

    def switch(self, chat_id: str, message_id: str) -> ChangedAnswer:
        """Make the newest path through the message the active one."""
        return self._client.post(path_of("/chat/branch/{}", chat_id), {"message_id": message_id}, ChangedAnswer)

    def fork(self, chat_id: str, message_id: str) -> ChangedAnswer:
        """A new chat up to and with the message."""
        return self._client.post(path_of("/chat/fork/{}", chat_id), {"message_id": message_id}, ChangedAnswer)


def sending(chat_id: str, message: str, options: dict[str, object]) -> Asking:
    """Send a message."""
    return Asking("/chat", {"message": message, "chat_id": chat_id, **options})


def editing(chat_id: str, message_id: str, message: str, options: dict[str, object]) -> Asking:
    """Ask something else in the place of an earlier message."""
    return Asking(path_of("/chat/edit/{}", chat_id), {"message_id": message_id, "message": message, **options})


def regenerating(chat_id: str, message_id: str | None, options: dict[str, object]) -> Asking:
    """Make a reply anew; None is the last one."""
    named = {"message_id": message_id} if message_id is not None else {}
    return Asking(path_of("/chat/regenerate/{}", chat_id), {**named, **options})


def continuing(chat_id: str, options: dict[str, object]) -> Asking:
    """Go on with the last reply. The system prompt is that of the reply."""
    without = {name: value for name, value in options.items() if name != "system_prompt"}
    return Asking(path_of("/chat/continue/{}", chat_id), without)
