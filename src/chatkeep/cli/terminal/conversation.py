"""Asking for replies and showing them: what the loop and the commands have in common."""

import uuid

from rich.console import RenderableType
from rich.text import Text

from chatkeep.api.schemas import ShownMessage
from chatkeep.chat.model import text_of
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.terminal.markdown import DIM
from chatkeep.cli.terminal.reply import Reply
from chatkeep.cli.terminal.reply_view import ReplyView, printed_message
from chatkeep.cli.terminal.requests import Asking, Requests
from chatkeep.cli.terminal.screen import Screen
from chatkeep.cli.terminal.session import LeftReply, Session
from chatkeep.cli.terminal.watching import Watched, Watcher
from chatkeep.cli.visible import visible
from chatkeep.errors import RunNotFound

SHOWN_MESSAGES = 6  # of a chat that is opened
_NEWEST = 6  # that are read after a reply; a turn is two, a continuation three


class Conversation:
    """The open chat on a screen. Raises: CliError from whatever asks the server."""

    def __init__(self, requests: Requests, screen: Screen, session: Session) -> None:
        self.requests = requests
        self.screen = screen
        self.session = session
        self._unsure: Asking | None = None

    def open(self, chat_id: str) -> None:
        """Go to that chat, show its end, and the reply that is coming in it; one that does not exist is begun."""
        self.session.open(chat_id)
        found = self.requests.history(chat_id)
        if found is None:
            self.screen.note(f"New chat {chat_id}. Go on with it later: chatkeep chat {chat_id}")
            return
        self.session.read(found)
        self.show_path()
        if found.active_run is not None:
            if found.active_run.message is not None:
                self.screen.print(self._question(len(self.session.own) + 1, found.active_run.message))
            self._follow(LeftReply(found.active_run.run_id, ReplyView()))

    def open_new(self) -> None:
        """Begin a chat."""
        self.open(str(uuid.uuid4()))

    def ask(self, asking: Asking) -> bool:
        """Begin a run and show its reply. False when it was not begun: what was typed is to be kept."""
        # Why the same request: the earlier one may have arrived, though no answer to it did.
        if self._unsure is not None and (asking.path, asking.body) == (self._unsure.path, self._unsure.body):
            asking = self._unsure
        self._unsure = asking
        view = ReplyView()
        watcher = Watcher(self.screen, view, "Ctrl-C leaves it going")
        try:
            watched = watcher.watch(self.requests.begin(asking))
        except CliError as exc:
            if watcher.reply.start is None:
                if exc.exit_code != ExitCode.UNREACHABLE:
                    self._unsure = None
                self.screen.error(exc.message)
                return False
            self._lost(exc, LeftReply(watcher.reply.start.run_id, view))
            return True
        self._unsure = None
        run_id = watcher.reply.start.run_id if watcher.reply.start is not None else self._live_run()
        self._watched(watched, watcher.reply, LeftReply(run_id, view) if run_id else None)
        return True

    def resume(self) -> bool:
        """Show the rest of the reply that was left, else the one that is coming in the chat; false without any."""
        left = self.session.left
        if left is None:
            found = self.requests.history(self.session.chat_id, 1)
            if found is None or found.active_run is None:
                return False
            left = LeftReply(found.active_run.run_id, ReplyView())
        self._follow(left)
        return True

    def stop(self) -> bool:
        """Stop the reply that was left, or that is coming in the chat, and show its rest; false without any."""
        run_id = self.session.left.run_id if self.session.left is not None else self._live_run()
        if run_id is None:
            return False
        self.requests.stop(run_id)
        self._follow(self.session.left or LeftReply(run_id, ReplyView()))
        return True

    def read_again(self) -> None:
        """Read the whole path from the server."""
        found = self.requests.history(self.session.chat_id)
        if found is not None:
            self.session.read(found)

    def show_path(self) -> None:
        """Print the end of the active path."""
        path = [message for message in self.session.path if message.role in ("user", "assistant")]
        shown = path[-SHOWN_MESSAGES:]
        title = f"{self.session.title} ({self.session.chat_id})"
        earlier = len(path) - len(shown)
        self.screen.note(title + (f", {earlier} earlier {_plural(earlier, 'message')}" if earlier else ""))
        numbers = {own.message_id: own.number for own in self.session.own}
        for message in shown:
            self.screen.print(*self._message(message, numbers.get(message.id)))

    def _message(self, message: ShownMessage, number: int | None) -> list[RenderableType]:
        text = text_of(message.content)
        if message.role == "user":
            if number is None:  # chatkeep wrote it, to ask for a continuation
                return []
            found: list[RenderableType] = [self._question(number, text)]
        else:
            found = printed_message(message)
        return found + branch_line(message)

    def _question(self, number: int, text: str) -> Text:
        return Text.assemble((f"{number}> ", "bold"), visible(text))

    def _follow(self, left: LeftReply) -> None:
        watcher = Watcher(self.screen, left.view, "Ctrl-C leaves it going")
        self.session.left = left
        try:
            watched = watcher.watch(self.requests.follow(left.run_id))
        except CliError as exc:
            if exc.problem_code == RunNotFound.code:
                self.session.left = None
                self.screen.note("The reply is not there any more: its chat was deleted.")
            else:
                self._lost(exc, left)
            return
        self._watched(watched, watcher.reply, left)

    def _watched(self, watched: Watched, reply: Reply, left: LeftReply | None) -> None:
        """Note how a reply went."""
        if reply.model:
            self.session.answered_by = f"{reply.provider}/{reply.model}"
        if watched is Watched.LEFT:
            self.session.left = left
            self.screen.note("The reply goes on at the server. /resume shows the rest, /stop stops it.")
            return
        self.session.left = None
        self.session.tokens_per_second = reply.tokens_per_second
        self._read_end()
        last = self.session.last_reply
        if last is not None and (reply.start is None or last.id == reply.start.message_id):
            before = self.session.path[self.session.path.index(last) - 1]
            self.screen.print(*(branch_line(last) or (branch_line(before) if before.role == "user" else [])))

    def _lost(self, error: CliError, left: LeftReply) -> None:
        """The server cannot be reached any more, in the middle of a reply."""
        self.session.left = left
        self.screen.error(f"{error.message} /resume tries again.")

    def _read_end(self) -> None:
        found = self.requests.history(self.session.chat_id, _NEWEST)
        if found is not None and not self.session.read_end(found):
            self.read_again()

    def _live_run(self) -> str | None:
        found = self.requests.history(self.session.chat_id, 1)
        return found.active_run.run_id if found is not None and found.active_run is not None else None


def branch_line(message: ShownMessage) -> list[RenderableType]:
    """`2 of 3` for a message beside which there are others."""
    if message.branch is None:
        return []
    what = "Message" if message.role == "user" else "Reply"
    return [Text(f"{what} {message.branch.number} of {message.branch.count}. /branch N goes to another.", style=DIM)]


def _plural(count: int, word: str) -> str:
    return word if count == 1 else f"{word}s"
