"""The commands about the chats of a server, as they are typed. What they do: the modules of their names."""

from typing import Any

import rich_click as click

from chatkeep.cli import options
from chatkeep.cli.completion import complete_chat_id
from chatkeep.cli.target import Target

# Why in each function: what commands need takes a second to import, and `--help` needs none of it.
# ruff: noqa: PLC0415


@click.command("chat")
@click.argument("chat_id", metavar="[ID]", required=False, shell_complete=complete_chat_id)
@click.option("-m", "--message", help="Send this one message, print the reply, and leave.")
@click.option("--model", help="`model` or `provider/model`.  [the server's default]")
@click.option("--system", help="The system prompt of your messages.  [the chat's own]")
@click.option("--temperature", type=click.FloatRange(0, 2), help="From 0 to 2.  [the model's own]")
@click.option("--max-tokens", type=click.IntRange(min=1), help="How long a reply may be.  [the model's own]")
@click.option("--raw", is_flag=True, help="Print the reply as the model writes it; so it is when not in a terminal.")
@options.as_json
@options.of_server
def chat(target: Target, **asked: Any) -> None:
    """Chat in the terminal, in the chat ID or in a new one; /help lists what can be done there.

    With -m, or with something piped in, it sends that, prints the reply, and leaves. What is piped in stands before
    the message.

    Example: `cat log | chatkeep chat -m "What broke?"`
    """
    from chatkeep.cli.terminal import command

    command.chat(target, command.Options(**asked))


@click.command("list")
@click.option("--limit", type=click.IntRange(min=1), help="At most this many.  [all]")
@options.as_json
@options.of_server
def list_chats(target: Target, limit: int | None, *, as_json: bool) -> None:
    """List the chats, newest first.

    Not in a terminal it prints a line a chat: id, time, messages and title, with tabs between.

    Example: `chatkeep list --limit 10`
    """
    from chatkeep.cli import list as command

    command.show(target, limit=limit, as_json=as_json)


@click.command("show")
@options.chat_id
@click.option("--raw", is_flag=True, help="Print the text as it is stored; so it is when not in a terminal.")
@options.as_json
@options.of_server
def show_chat(target: Target, chat_id: str, *, raw: bool, as_json: bool) -> None:
    """Show a chat: its active path, and the reply that is coming.

    Example: `chatkeep show space-facts --raw > space-facts.md`
    """
    from chatkeep.cli import show as command

    command.show(target, chat_id, raw=raw, as_json=as_json)


@click.command("search")
@click.argument("query", nargs=-1, required=True)
@click.option("--limit", type=click.IntRange(1, 1000), default=10, show_default=True, help="At most this many.")
@options.as_json
@options.of_server
def search_messages(target: Target, query: tuple[str, ...], limit: int, *, as_json: bool) -> None:
    """Search all messages, best first: words, "an exact phrase", -without, one OR other.

    Example: `chatkeep search 'black hole -film'`
    """
    from chatkeep.cli import search as command

    command.show(target, " ".join(query), limit=limit, as_json=as_json)


@click.command("delete")
@options.chat_id
@click.option("--purge", is_flag=True, help="Remove it for good, past the trash.")
@click.option("--yes", is_flag=True, help="Do not ask before that.")
@options.as_json
@options.of_server
def delete_chat(target: Target, chat_id: str, *, purge: bool, yes: bool, as_json: bool) -> None:
    """Move a chat to the trash, where it is kept for a week unless set otherwise.

    Example: `chatkeep delete space-facts`
    """
    from chatkeep.cli import delete as command

    command.delete(target, chat_id, purge=purge, yes=yes, as_json=as_json)


@click.command("restore")
@click.argument("chat_id", metavar="[ID]", required=False)
@click.option(
    "--generation",
    type=click.IntRange(min=0),
    help="The revision to go back to; what is there now is kept as another one.",
)
@click.option("--list", "lists", is_flag=True, help="List what can be restored: the trash, or generations of the chat.")
@options.as_json
@options.of_server
def restore_chat(target: Target, chat_id: str | None, generation: int | None, *, lists: bool, as_json: bool) -> None:
    """Bring a chat back from the trash, or make it what it was before.

    Example: `chatkeep restore space-facts --list`, then `chatkeep restore space-facts --generation 3`
    """
    from chatkeep.cli import restore as command

    if lists and generation is not None:
        raise click.UsageError("--list and --generation do not go together.")
    if not lists:
        if chat_id is None:
            raise click.UsageError("Name the chat, or see what there is with --list.")
        command.restore(target, chat_id, generation, as_json=as_json)
    elif chat_id is None:
        command.show_trash(target, as_json=as_json)
    else:
        command.show_generations(target, chat_id, as_json=as_json)


@click.command("rename")
@options.chat_id
@click.argument("title")
@options.as_json
@options.of_server
def rename_chat(target: Target, chat_id: str, title: str, *, as_json: bool) -> None:
    """Give a chat another title.

    Example: `chatkeep rename space-facts 'What space is made of'`
    """
    from chatkeep.cli import rename as command

    command.rename(target, chat_id, title, as_json=as_json)


@click.command("models")
@click.option("--provider", help="Only those of this one.  [all]")
@options.as_json
@options.of_server
def list_models(target: Target, provider: str | None, *, as_json: bool) -> None:
    """List the models that can be asked, with their context windows in tokens and list prices for a million tokens.

    Example: `chatkeep models --provider openai`
    """
    from chatkeep.cli import models as command

    command.show(target, provider, as_json=as_json)


COMMANDS = [chat, list_chats, show_chat, search_messages, delete_chat, restore_chat, rename_chat, list_models]
