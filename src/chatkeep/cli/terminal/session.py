"""What the terminal client knows of the chat that is open, and what it will say next to the server."""

from collections.abc import Sequence
from typing import NamedTuple

from chatkeep.api.schemas import HistoryAnswer, ShownMessage
from chatkeep.chat.model import text_of
from chatkeep.cli.terminal.reply_view import ReplyView


class LeftReply(NamedTuple):
    """A reply that was left before its end, and what of it was shown."""

    run_id: str
    view: ReplyView


class Own(NamedTuple):
    """A message of the user's on the active path: its number, from 1, its id, and its text."""

    number: int
    message_id: str | None
    text: str


class Session:
    """The chat `chat_id`: `path` are the messages of its active path, oldest first, from `first` on.

    `model`, `system`, `temperature` and `max_tokens` go with the next messages; None is the server's choice.
    """

    def __init__(self, chat_id: str) -> None:
        self.chat_id = chat_id
        self.title = ""
        self.path: list[ShownMessage] = []
        self.left: LeftReply | None = None
        self.model: str | None = None
        self.system: str | None = None
        self.temperature: float | None = None
        self.max_tokens: int | None = None
        self.answered_by = ""
        self.tokens_per_second: float | None = None

    def open(self, chat_id: str) -> None:
        """Go to another chat, of which nothing is known yet. What was chosen for the next messages stays."""
        self.chat_id, self.title, self.path = chat_id, "", []
        self.left, self.answered_by, self.tokens_per_second = None, "", None

    def read(self, history: HistoryAnswer) -> None:
        """Take the whole active path from `history`."""
        self.path = history.history.messages
        self.title = history.history.title
        reply = self.last_reply
        if reply is not None and reply.provider:
            self.answered_by = f"{reply.provider}/{reply.model}"

    def read_end(self, history: HistoryAnswer) -> bool:
        """Take the end of the active path from `history`; false when it does not follow what is known: read it all."""
        newest = history.history.messages
        if not history.history.has_more:
            self.read(history)
            return True
        known = [message.id for message in self.path]
        if not newest or newest[0].id not in known:
            return False
        self.path = self.path[: known.index(newest[0].id)] + newest
        self.title = history.history.title
        return True

    @property
    def own(self) -> list[Own]:
        """The user's messages on the path, without those that chatkeep wrote to ask for a continuation."""
        mine = [message for message in self.path if message.role == "user" and message.continues is None]
        return [Own(number, message.id, text_of(message.content)) for number, message in enumerate(mine, 1)]

    @property
    def last_reply(self) -> ShownMessage | None:
        """The newest reply on the path."""
        return next((message for message in reversed(self.path) if message.role == "assistant"), None)

    @property
    def branching(self) -> list[ShownMessage]:
        """The messages on the path beside which there are others."""
        return [message for message in self.path if message.branch is not None]

    def options(self) -> dict[str, object]:
        """The fields that go with each request for a reply."""
        chosen = {"model": self.model, "temperature": self.temperature, "max_tokens": self.max_tokens}
        return {name: value for name, value in (chosen | {"system_prompt": self.system}).items() if value is not None}


def joined_text(path: Sequence[ShownMessage], last: ShownMessage) -> str:
    """The text of the reply `last` on `path`, with the replies that it goes on with where nothing was said between."""
    text = text_of(last.content)
    place = path.index(last)
    while last.continues is not None and place and path[place - 1].id == last.continues:
        place -= 1
        last = path[place]
        text = text_of(last.content) + text
    return text
