"""`chatkeep show`: one chat, for people as it reads, for programs as it is stored."""

import msgspec
import rich_click as click
from rich.markdown import Markdown
from rich.rule import Rule

from chatkeep.api.schemas import HistoryAnswer, ShownMessage
from chatkeep.cli.answers import path_of
from chatkeep.cli.connection import connected
from chatkeep.cli.printing import console, is_terminal, print_json, shown_time, styled
from chatkeep.cli.target import Target
from chatkeep.cli.visible import visible

_COLOURS = {"user": "cyan", "assistant": "green"}


def show(target: Target, chat_id: str, *, raw: bool, as_json: bool) -> None:
    """Print the chat's active path. Raises: CliError."""
    with connected(target) as client:
        answer = client.get(path_of("/chat/history/{}", chat_id), msgspec.Raw)
    if as_json:
        print_json(answer)
        return
    found = msgspec.json.decode(answer, type=HistoryAnswer)
    messages = [*found.history.messages, *_going(found)]
    if raw or not is_terminal():
        _print_raw(found, messages)
        return
    screen = console()
    screen.print(styled(found.history.title, "bold"))
    screen.print(styled(f"{found.chat_id} · {shown_time(found.history.last_updated)}", "dim"))
    for message in messages:
        heading = styled(_heading(message), _COLOURS.get(message.role, "dim"))
        screen.print(Rule(heading, align="left", style="dim"))
        screen.print(Markdown(visible(_text_of(message))))


def _print_raw(found: HistoryAnswer, messages: list[ShownMessage]) -> None:
    clean = visible if is_terminal() else str
    click.echo(clean(f"# {found.history.title}"))
    for message in messages:
        click.echo(clean(f"\n## {_heading(message)}\n\n{_text_of(message)}"))


def _going(found: HistoryAnswer) -> list[ShownMessage]:
    """The turn that is going, as far as it has come."""
    live = found.active_run
    if live is None:
        return []
    asked = [ShownMessage("user", live.message)] if live.message is not None else []
    return [*asked, ShownMessage("assistant", live.response, id=live.message_id, status="still coming")]


def _heading(message: ShownMessage) -> str:
    parts = [message.role, shown_time(message.timestamp), message.model]
    if message.status not in (None, "complete"):
        parts.append(message.status)
    if message.branch is not None:
        parts.append(f"{message.branch.number} of {message.branch.count}")
    return " · ".join(part for part in parts if part)


def _text_of(message: ShownMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    return "\n\n".join(_part(part) for part in message.content)


def _part(part: msgspec.Raw) -> str:
    """One part in OpenAI's form: its text, or what kind of thing it is."""
    found = msgspec.json.decode(part)
    if not isinstance(found, dict):
        return str(found)
    text = found.get("text")
    return text if isinstance(text, str) else f"[{found.get('type', 'part')}]"
