"""The terminal client: ask for input, do it, show what comes of it, until the user leaves."""

import contextlib

from chatkeep.cli.exit_codes import CliError
from chatkeep.cli.terminal.commands import Commands, Quit
from chatkeep.cli.terminal.conversation import Conversation
from chatkeep.cli.terminal.prompt import Prompt, SlashCompleter
from chatkeep.cli.terminal.requests import editing, sending
from chatkeep.cli.terminal.screen import silent_keys
from chatkeep.cli.terminal.session import Session
from chatkeep.cli.terminal.slash import Typed, message_of, read_command, typed_text


class Loop:
    """Runs until Ctrl-D or /quit. Call `run` once."""

    def __init__(self, conversation: Conversation) -> None:
        self._on = conversation
        self._session = conversation.session
        self._screen = conversation.screen
        self._commands = Commands(conversation)
        self._prompt = Prompt(SlashCompleter(self._commands.choices()), lambda: toolbar(self._session))
        self._draft = ""
        self._typed: list[str] = []

    def run(self, chat_id: str | None) -> None:
        """Open the chat, or a new one. Raises: CliError when that cannot be."""
        if chat_id is None:
            self._on.open_new()
        else:
            self._on.open(chat_id)
        # Why for all of it: what is typed while a reply comes, or is waited for, is for the next prompt.
        with silent_keys(), contextlib.suppress(EOFError, Quit):
            while True:
                try:
                    self._turn()
                except CliError as exc:
                    self._screen.error(exc.message)
                except KeyboardInterrupt:
                    self._leave_edit()
        if self._session.path or self._session.left:
            self._screen.note(f"Go on with: chatkeep chat {self._session.chat_id}")

    def _turn(self) -> None:
        """One input and what comes of it. Raises: CliError, KeyboardInterrupt, EOFError, Quit."""
        edited = self._commands.edited
        number = edited.number if edited else len(self._session.own) + 1 + (self._session.left is not None)
        mark = f"edit {number}> " if edited else f"{number}> "
        draft, self._draft = self._draft, ""
        text = typed_text(self._prompt.ask(mark, [*(own.text for own in self._session.own), *self._typed], draft))
        typed = read_command(text)
        if typed is not None:
            self._typed.append(text)
            self._run(typed)
        elif message := message_of(text):
            self._say(message)

    def _run(self, typed: Typed) -> None:
        self._commands.run(typed)
        if typed.name == "edit" and self._commands.edited is not None:
            self._draft = self._commands.edited.text

    def _say(self, message: str) -> None:
        """Send what was typed; it is the draft again when it was not sent."""
        edited, self._commands.edited = self._commands.edited, None
        if self._session.left is not None:
            self._on.resume()
        if self._session.left is None:
            options = self._session.options()
            chat_id = self._session.chat_id
            if edited is not None and edited.message_id is not None:
                asking = editing(chat_id, edited.message_id, message, options)
            else:
                asking = sending(chat_id, message, options)
            if self._on.ask(asking):
                return
        self._draft, self._commands.edited = message, edited

    def _leave_edit(self) -> None:
        if self._commands.edited is not None:
            self._commands.edited = None
        else:
            self._screen.note("Ctrl-D leaves.")


def toolbar(session: Session) -> str:
    """The line at the bottom: which chat, who answers, how fast it was."""
    rate = f"{session.tokens_per_second:.0f} tokens/s" if session.tokens_per_second else ""
    live = "a reply is coming: /resume, /stop" if session.left is not None else ""
    told = (session.title or "new chat", session.model or session.answered_by, rate, live)
    return " · ".join(part for part in told if part)
