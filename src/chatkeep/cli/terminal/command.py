"""`chatkeep chat`: what its options ask for."""

import io
import sys
import uuid
from typing import NamedTuple

import rich_click as click

from chatkeep.cli.connection import connected, settings_of
from chatkeep.cli.target import Target
from chatkeep.cli.terminal.conversation import Conversation
from chatkeep.cli.terminal.one_message import (
    end,
    message_with,
    print_answer,
    print_plainly,
    read_piped,
    show_in_terminal,
)
from chatkeep.cli.terminal.requests import Requests, sending
from chatkeep.cli.terminal.screen import Screen, new_console
from chatkeep.cli.terminal.session import Session
from chatkeep.cli.terminal.slash import typed_text

# Why: what becomes of a reply is told in other words, and lines of a log would stand in the middle of it.
_LOG_LEVEL = "error"


class Options(NamedTuple):
    """What was asked for. None is the server's choice, or a new chat."""

    chat_id: str | None = None
    message: str | None = None
    model: str | None = None
    system: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    raw: bool = False
    as_json: bool = False


def chat(target: Target, options: Options) -> None:
    """Chat in the terminal; with a message, or something piped in, send that and print the reply.

    Raises: CliError, click.UsageError, SystemExit.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal need not have every character
    texts = {name: typed_text(given) for name, given in options._asdict().items() if isinstance(given, str)}
    options = Options(**{**options._asdict(), **texts})
    is_asked = options.message is None and not options.as_json
    if is_asked and _is_terminal(sys.stdin) and _is_terminal(sys.stdout):
        _talk(target, options)
    else:
        _send_one(target, options)


def _talk(target: Target, options: Options) -> None:
    # Why here: the prompt takes a tenth of a second to import, and pipes have none.
    from chatkeep.cli.terminal.loop import Loop  # noqa: PLC0415

    session = Session("")
    session.model, session.system = options.model, options.system
    session.temperature, session.max_tokens = options.temperature, options.max_tokens
    with connected(target, makes_folder=True, log_level=_LOG_LEVEL) as client:
        Loop(Conversation(Requests(client), Screen(new_console()), session)).run(options.chat_id)


def _send_one(target: Target, options: Options) -> None:
    message = message_with(_piped(target), options.message)
    if not message:
        raise click.UsageError("There is nothing to send: give a message with -m, or pipe one in.")
    chat_id = options.chat_id or str(uuid.uuid4())
    session = Session(chat_id)
    session.model, session.system = options.model, options.system
    session.temperature, session.max_tokens = options.temperature, options.max_tokens
    in_terminal = _is_terminal(sys.stdout) and not options.raw and not options.as_json
    with connected(target, makes_folder=True, log_level=_LOG_LEVEL) as client:
        events = Requests(client).begin(sending(chat_id, message, session.options()))
        watched, reply = show_in_terminal(events) if in_terminal else print_plainly(events, silent=options.as_json)
    if options.as_json and reply.end is not None:
        print_answer(reply)
    end(watched, reply, chat_id, told=in_terminal)
    if options.chat_id is None and not options.as_json:
        click.echo(f"Go on with: chatkeep chat {chat_id}", err=True)


def _piped(target: Target) -> str:
    """What stands at standard input, unless that is a terminal. Raises: CliError."""
    if sys.stdin is None or _is_terminal(sys.stdin):
        return ""
    return read_piped(sys.stdin.buffer, settings_of(target).max_body_bytes)


def _is_terminal(stream: object) -> bool:
    return isinstance(stream, io.TextIOBase) and stream.isatty()
