"""`chatkeep chat -m`: one message and its reply, for people and for pipes."""

import sys
from typing import BinaryIO

import rich_click as click

from chatkeep.chat.events import Delta, Done, Problem
from chatkeep.cli.answers import exit_code_of
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.following import Reconnecting
from chatkeep.cli.printing import print_json
from chatkeep.cli.terminal.feed import Feed, Signal
from chatkeep.cli.terminal.reply import Reply
from chatkeep.cli.terminal.reply_view import ReplyView
from chatkeep.cli.terminal.requests import Events
from chatkeep.cli.terminal.screen import Screen, new_console, silent_keys
from chatkeep.cli.terminal.watching import Watched, Watcher
from chatkeep.cli.visible import visible

_WAIT_S = 60.0  # for the next event; when it has passed the wait begins anew


def read_piped(piped: BinaryIO, most_bytes: int) -> str:
    """What was piped in, as text; NUL, and bytes that are no UTF-8, become U+FFFD. Raises: CliError."""
    found = piped.read(most_bytes + 1)
    if len(found) > most_bytes:
        raise CliError(
            ExitCode.FAILED,
            f"What is piped in has more than {most_bytes:,} bytes, the most that a request may have"
            " (CHATKEEP_MAX_BODY_BYTES). Send less of it, as with tail or grep.",
        )
    return found.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}")


def message_with(piped: str, message: str | None) -> str:
    """What is sent: what was piped in, an empty line, and the message; or the one that there is."""
    return "\n\n".join(part for part in (piped.strip("\n"), message) if part and part.strip())


def show_in_terminal(events: Events) -> tuple[Watched, Reply]:
    """Show the reply in the terminal at standard output as it comes. Raises: CliError."""
    watcher = Watcher(Screen(new_console()), ReplyView(), "Ctrl-C leaves it going")
    with silent_keys():
        return watcher.watch(events), watcher.reply


def print_plainly(events: Events, *, silent: bool = False) -> tuple[Watched, Reply]:
    """Print the reply's text as it comes, or with `silent` only gather it. Raises: CliError, BrokenPipeError."""
    reply = Reply()
    watched = None
    with Feed(events) as feed:
        while watched is None:
            for each in feed.take(_WAIT_S):
                match each:
                    case Reconnecting():
                        click.echo(f"reconnecting… ({visible(each.reason)}, attempt {each.attempt})", err=True)
                    case Signal.INTERRUPT:
                        watched = Watched.LEFT
                    case Signal.END:
                        watched = Watched.ENDED
                    case _:
                        reply.take(each)
                        if isinstance(each, Delta) and not silent:
                            _write(each.text)
            sys.stdout.flush()
    if reply.text and not reply.text.endswith("\n") and not silent:
        _write("\n")
    return watched, reply


def print_answer(reply: Reply) -> None:
    """Print what the server answers to who waits, as one JSON document."""
    print_json(reply.answer())


def end(watched: Watched, reply: Reply, chat_id: str, *, told: bool) -> None:
    """End the command as the reply ended. `told`: people were told how already.

    Raises: CliError, SystemExit, unless the reply came to its end.
    """
    if watched is Watched.LEFT:
        click.echo(f"Interrupted. The reply goes on at the server: chatkeep chat {chat_id} shows it.", err=True)
        sys.exit(ExitCode.INTERRUPTED)
    match reply.end:
        case Problem(detail=detail, status=status, code=code):
            if told:
                sys.exit(exit_code_of(status))
            kept = f" What came is kept: chatkeep chat {chat_id}." if reply.text else ""
            raise CliError(exit_code_of(status), f"{visible(detail)}{kept}", code)
        case Done(state="stopped"):
            raise CliError(ExitCode.FAILED, f"The reply was stopped. What came is kept: chatkeep chat {chat_id}.")
        case Done(finish_reason=reason) if reason != "stop" and not told:
            click.echo(f"The reply was ended by `{visible(reason)}`.", err=True)


def _write(text: str) -> None:
    sys.stdout.write(visible(text))
