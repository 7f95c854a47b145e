"""What each command that begins with a slash does."""

import base64
from collections.abc import Callable

from rich.table import Table
from rich.text import Text

from chatkeep.chat.model import text_of
from chatkeep.cli.terminal.conversation import Conversation
from chatkeep.cli.terminal.markdown import one_line
from chatkeep.cli.terminal.requests import continuing, regenerating
from chatkeep.cli.terminal.session import Own, joined_text
from chatkeep.cli.terminal.slash import COMMANDS, KEYS, Typed, nearest
from chatkeep.cli.visible import visible

_LISTED = 20  # chats
_MOST_COPIED = 74_994  # bytes in base64: xterm takes 100,000 of a sequence, tmux and screen less


class Quit(Exception):
    """The user leaves."""


class Commands:
    """Runs commands on `conversation`. `edited` is the message that the next input is for, None for a new one."""

    def __init__(self, conversation: Conversation) -> None:
        self._on = conversation
        self._screen = conversation.screen
        self._session = conversation.session
        self._requests = conversation.requests
        self.edited: Own | None = None

    def run(self, typed: Typed) -> None:
        """Do what was typed. Raises: CliError, Quit."""
        if typed.name is None:
            meant = f" Did you mean /{typed.nearest}?" if typed.nearest else " /help lists them."
            self._screen.error(f"There is no command /{typed.written}.{meant}")
            return
        run: Callable[[str], None] = getattr(self, f"_{typed.name}")
        run(typed.argument)

    def choices(self) -> dict[str, Callable[[], list[str]]]:
        """What may follow a command's name, for completion."""
        return {"model": lambda: sorted(self._requests.models()), "open": lambda: list(self._requests.chats(_LISTED))}

    def _help(self, _: str) -> None:
        table = Table.grid(padding=(0, 2))
        for command in COMMANDS:
            table.add_row(Text(f"/{command.name} {command.argument}".rstrip(), style="bold"), command.meaning)
        table.add_row()
        for key, meaning in KEYS:
            table.add_row(Text(key, style="bold"), meaning)
        self._screen.print(table)

    def _model(self, name: str) -> None:
        known = self._requests.models()
        if not name:
            self._list_models(known)
            return
        found = [each for each in known if name in (each, each.partition("/")[2])]
        if not found and known:
            meant = nearest(name, [*known, *(each.partition("/")[2] for each in known)])
            self._screen.error(f"There is no model {name}." + (f" Did you mean {meant}?" if meant else ""))
            return
        self._session.model = name
        self._screen.note(f"{name} answers from now on.")

    def _list_models(self, known: dict[str, int | None]) -> None:
        for name in sorted(known):
            tokens = known[name]
            asked = name == (self._session.model or self._session.answered_by)
            size = f"  {tokens:,} tokens" if tokens else ""
            self._screen.print(Text(f"{'*' if asked else ' '} {visible(name)}{size}", style="bold" if asked else ""))
        if not known:
            self._screen.note("The server lists no models.")

    def _stop(self, _: str) -> None:
        if not self._on.stop():
            self._screen.note("No reply is coming in this chat.")

    def _resume(self, _: str) -> None:
        if not self._on.resume():
            self._screen.note("No reply is coming in this chat.")

    def _retry(self, _: str) -> None:
        self._on.ask(regenerating(self._session.chat_id, None, self._session.options()))

    def _continue(self, _: str) -> None:
        self._on.ask(continuing(self._session.chat_id, self._session.options()))

    def _edit(self, number: str) -> None:
        own = self._session.own
        if not own:
            self._screen.error("There is no message of yours in this chat yet.")
        elif number and not (number.isdecimal() and 1 <= int(number) <= len(own)):
            self._screen.error(f"Your messages here are 1 to {len(own)}.")
        else:
            self.edited = own[int(number or len(own)) - 1]

    def _branches(self, _: str) -> None:
        places = self._session.branching
        for place, message in enumerate(places, 1):
            assert message.branch is not None
            what = f"{place}  {message.branch.number} of {message.branch.count}  {message.role}: "
            self._screen.print(one_line(what + text_of(message.content), ""))
        if not places:
            self._screen.note("No message of this chat has another one beside it: /retry and /edit make one.")

    def _branch(self, argument: str) -> None:
        words = argument.split()
        if not words:
            self._branches("")
            return
        places = self._session.branching
        if not all(word.isdecimal() for word in words) or len(words) > 2:  # noqa: PLR2004 - N and PLACE
            self._screen.error("Write /branch N, or /branch N PLACE.")
        elif not places or (len(words) > 1 and not 1 <= int(words[1]) <= len(places)):
            self._screen.error("There is no such place. /branches lists them.")
        else:
            self._go_to(int(words[0]), int(words[1]) if len(words) > 1 else len(places))

    def _go_to(self, number: int, place: int) -> None:
        branch = self._session.branching[place - 1].branch
        assert branch is not None
        if not 1 <= number <= branch.count:
            self._screen.error(f"There are {branch.count} there.")
            return
        self._requests.switch(self._session.chat_id, branch.message_ids[number - 1])
        self._on.read_again()
        self._on.show_path()

    def _system(self, text: str) -> None:
        self._session.system = text or None
        self._screen.note("Your next messages go with this system prompt." if text else "The chat's own prompt again.")

    def _temperature(self, value: str) -> None:
        try:
            chosen = float(value) if value else None
        except ValueError:
            chosen = -1.0
        if chosen is not None and not 0 <= chosen <= 2:  # noqa: PLR2004 - the contract's bounds
            self._screen.error("A temperature is a number from 0 to 2.")
            return
        self._session.temperature = chosen
        self._screen.note("The model's own temperature." if chosen is None else f"Temperature {chosen:g} from now on.")

    def _title(self, title: str) -> None:
        if not title:
            self._screen.error("Write /title and the title.")
            return
        self._session.title = self._requests.rename(self._session.chat_id, title).title
        self._screen.note(f"The title is: {self._session.title}")

    def _fork(self, _: str) -> None:
        last = next((message.id for message in reversed(self._session.path) if message.id), None)
        if last is None:
            self._screen.error("There is nothing to copy yet.")
            return
        self._on.open(self._requests.fork(self._session.chat_id, last).chat_id)

    def _list(self, _: str) -> None:
        chats = self._requests.chats(_LISTED)
        for chat_id, row in chats.items():
            mark = "*" if chat_id == self._session.chat_id else " "
            self._screen.print(
                one_line(f"{mark} {chat_id}  {row.last_updated[:16].replace('T', ' ')}  {row.title}", "")
            )
        if not chats:
            self._screen.note("There are no chats yet.")

    def _open(self, chat_id: str) -> None:
        if chat_id:
            self._on.open(chat_id)
        else:
            self._screen.error("Write /open and the id of a chat; /list lists them.")

    def _new(self, _: str) -> None:
        self._on.open_new()

    def _copy(self, _: str) -> None:
        reply = self._session.last_reply
        if reply is None:
            self._screen.error("There is no reply to copy yet.")
            return
        coded = base64.b64encode(joined_text(self._session.path, reply).encode()).decode()
        if len(coded) > _MOST_COPIED:
            self._screen.error("The reply is too long for a terminal to copy.")
            return
        # The clipboard of the terminal, also over SSH: xterm's control sequences, "OSC 52".
        self._screen.write(f"\x1b]52;c;{coded}\x07")
        self._screen.note("Copied, if the terminal allows it.")

    def _quit(self, _: str) -> None:
        raise Quit
