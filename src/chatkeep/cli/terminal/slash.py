"""The commands that begin with a slash: their names, and how they are read."""

import difflib
import re
from collections.abc import Iterable
from typing import NamedTuple

# Why so narrow: `/etc/hosts is empty` and `/* a comment */` are messages.
_COMMAND = re.compile(r"/(?P<name>[a-z]+|\?)(?:\s+(?P<argument>.*))?", re.DOTALL)


class SlashCommand(NamedTuple):
    """`argument` is what is written behind the name, in brackets when it may be left out."""

    name: str
    argument: str
    meaning: str


COMMANDS = (
    SlashCommand("help", "", "These commands and the keys."),
    SlashCommand("model", "[NAME]", "List the models, or ask another one from now on."),
    SlashCommand("stop", "", "Stop the reply that is coming; what it has is kept."),
    SlashCommand("resume", "", "Show the rest of a reply that was left with Ctrl-C."),
    SlashCommand("retry", "", "Make the last reply anew, beside the old one."),
    SlashCommand("continue", "", "Go on with a reply that was cut off."),
    SlashCommand("edit", "[N]", "Edit your message N, or your last one, and ask it, beside the old one."),
    SlashCommand("branches", "", "List where there are several messages beside each other."),
    SlashCommand("branch", "N [PLACE]", "Go to the Nth of the messages beside each other, at a place of the list."),
    SlashCommand("system", "[TEXT]", "The system prompt of your next messages; without TEXT the chat's own again."),
    SlashCommand("temperature", "[0-2]", "The temperature of your next messages; left out, the model's own."),
    SlashCommand("title", "TEXT", "Give the chat another title."),
    SlashCommand("fork", "", "Go on in a copy of this chat."),
    SlashCommand("list", "", "List the newest chats."),
    SlashCommand("open", "ID", "Go to another chat."),
    SlashCommand("new", "", "Begin a new chat."),
    SlashCommand("copy", "", "Copy the last reply; the terminal must allow it (OSC 52)."),
    SlashCommand("quit", "", "Leave. So does Ctrl-D."),
)
NAMES = tuple(command.name for command in COMMANDS)
KEYS = (
    ("Enter", "send"),
    ("Alt+Enter, Ctrl-J", "a new line"),
    ("Up, Down", "your earlier messages in this chat"),
    ("Tab", "complete a command, a model, a chat"),
    ("Ctrl-C", "leave a reply that is coming; at the prompt, clear it"),
    ("Ctrl-D", "leave"),
)


class Typed(NamedTuple):
    """A command as it was typed. `name` is None when it is none of ours, and `nearest` the one that may be meant."""

    name: str | None
    argument: str
    written: str
    nearest: str | None = None


def typed_text(text: str) -> str:
    """What was typed, or given as an argument; bytes that are no UTF-8 become U+FFFD.

    Python hands on what its locale cannot read as lone surrogates (PEP 383), which no request can have.
    """
    return text.encode(errors="surrogateescape").decode(errors="replace")


def read_command(text: str) -> Typed | None:
    """The command that `text` is; None for a message. What begins with two slashes is a message with one."""
    found = _COMMAND.fullmatch(text.strip())
    if found is None:
        return None
    name, argument = found["name"], (found["argument"] or "").strip()
    if name == "?":
        name = "help"
    if name in NAMES:
        return Typed(name, argument, name)
    return Typed(None, argument, name, nearest(name, NAMES))


def message_of(text: str) -> str:
    """The message that `text`, which is no command, says."""
    stripped = text.strip()
    return stripped[1:] if re.match(r"//[a-z?]", stripped) else stripped


def nearest(name: str, known: Iterable[str]) -> str | None:
    """What of `known` may be meant by `name`, if anything."""
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)), None)
