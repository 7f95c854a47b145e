"""A chat as people read it, in Markdown or plain text: its active path, and who said what.

A message may hold anything, and must not pass for another one. So what was said stands in a quote, which ends with
its last line whatever is left open in it (CommonMark 0.31, section 5.1), and in plain text it is indented; only what
stands at the margin is ours. HTML is shown as it was typed, but within code, where Markdown shows it by itself.
"""

import re
from collections.abc import Iterator

import msgspec

from chatkeep.chat.branch import active_path
from chatkeep.chat.model import Chat, Message, ToolCall

_WHO = {"user": "User", "assistant": "Assistant", "system": "System", "tool": "Tool", "developer": "Developer"}
_ENDED = {
    "stopped": "This reply was stopped.",
    "failed": "This reply failed",
    "interrupted": "This reply was interrupted.",
}
_SHOWN_PART = {"image_url": "image"}
_NEWLINES = re.compile("\r\n|[\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x9f]")  # a terminal obeys some of them
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_CODE_OR_TAG = re.compile(r"(?P<code>(?<![`\\])(`+)(?!`).*?(?<!`)\2(?!`))|<(?=[A-Za-z/!?])(?!https?:|mailto:)")
_SPECIAL = re.compile(r"([\\`*_\[\]<>#!|~&$])")


def markdown(chat: Chat) -> str:
    """The active path of `chat` as Markdown."""
    blocks = [f"# {_escaped(_on_one_line(chat.title))}", _escaped(_about(chat))]
    for message in active_path(chat):
        blocks += [f"## {_escaped(_heading(message))}", *_markdown_of(message)]
    return "\n\n".join(blocks) + "\n"


def plain_text(chat: Chat) -> str:
    """The active path of `chat` as plain text."""
    title = _on_one_line(chat.title)
    blocks = [f"{title}\n{'=' * min(len(title), 80)}", _about(chat)]
    for message in active_path(chat):
        blocks += [f"{_heading(message)}:", *_text_of(message)]
    return "\n\n".join(blocks) + "\n"


def _about(chat: Chat) -> str:
    return f"Chat {chat.chat_id}, begun {_shown(chat.created_at)}, last changed {_shown(chat.last_updated)}"


def _heading(message: Message) -> str:
    """Who, with which model, and when."""
    model = "/".join(filter(None, (message.provider, message.model)))
    when = _shown(message.timestamp) if message.timestamp else ""
    return _on_one_line(", ".join(filter(None, (_WHO[message.role], model, when))))


def _shown(timestamp: str) -> str:
    return f"{timestamp[:10]} {timestamp[11:19]} UTC"


def _markdown_of(message: Message) -> Iterator[str]:
    if message.reasoning:
        quoted = _quoted(_harmless(message.reasoning))
        yield f"<details>\n<summary>Reasoning</summary>\n\n{quoted}\n\n</details>"
    if text := _said(message):
        yield _quoted(_harmless(text))
    for call in message.tool_calls or ():
        yield f"Calls {_escaped(_on_one_line(call.name))}:"
        yield _quoted(_fenced(call))
    for note in _notes(message):
        yield f"*{_escaped(note)}*"


def _text_of(message: Message) -> Iterator[str]:
    if message.reasoning:
        yield f"Reasoning:\n\n{_indented(message.reasoning)}"
    if text := _said(message):
        yield _indented(text)
    for call in message.tool_calls or ():
        yield f"Calls {_on_one_line(call.name)}:\n\n{_indented(call.arguments)}"
    for note in _notes(message):
        yield f"[{note}]"


class _Part(msgspec.Struct):
    type: str = ""
    text: str | None = None


def _said(message: Message) -> str:
    """The text, with a line for each part that is none."""
    if isinstance(message.content, str):
        return message.content
    lines = []
    for raw in message.content:
        try:
            part = msgspec.json.decode(raw, type=_Part)
        except msgspec.MsgspecError:
            part = _Part()
        kind = _SHOWN_PART.get(part.type, _on_one_line(part.type)) or "something"
        lines.append(part.text if part.text is not None else f"[{kind}: not shown]")
    return "\n".join(lines)


def _notes(message: Message) -> Iterator[str]:
    """What became of a reply that did not come to its end."""
    if message.status == "failed":
        yield f"{_ENDED['failed']}{f': {_on_one_line(message.error)}' if message.error else ''}."
    elif message.status in _ENDED:
        yield _ENDED[message.status]
    if message.finish_reason == "length":
        yield "This reply is as long as it might be."


def _fenced(call: ToolCall) -> str:
    """The arguments as a block of code, whose fence is longer than any in it."""
    longest = max((len(run) for run in re.findall("`+", call.arguments)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}json\n{call.arguments}\n{fence}"


def _harmless(text: str) -> str:
    """`text` with HTML as text, but within code."""
    lines, fence = [], ""
    for line in _lines(text):
        found = _FENCE.match(line)
        if fence:
            lines.append(line)
            if found and found.group(1).startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
        elif found:
            lines.append(line)
            fence = found.group(1)
        else:
            lines.append(_CODE_OR_TAG.sub(lambda match: match.group("code") or "&lt;", line))
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" if line else ">" for line in _lines(text))


def _indented(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in _lines(text))


def _lines(text: str) -> list[str]:
    """The lines of `text`, by whatever ends them, without what moves a terminal's cursor."""
    return _CONTROLS.sub("\ufffd", _NEWLINES.sub("\n", text)).split("\n")


def _on_one_line(text: str) -> str:
    return " ".join(" ".join(_lines(text)).split())


def _escaped(text: str) -> str:
    """`text` with no meaning in Markdown."""
    return _SPECIAL.sub(r"\\\1", text)
