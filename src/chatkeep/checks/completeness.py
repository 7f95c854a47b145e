"""Replies that say nothing, and replies that end too early."""

import re

from chatkeep.chat.model import Message

_INVISIBLE = "\u200b\u2060\ufeff"
_FENCE = re.compile(r"^ {0,3}(?P<marks>`{3,}|~{3,})(?P<info>[^`\n]*)$", re.MULTILINE)  # CommonMark 0.31, section 4.5
_ENDINGS = {
    "length": "The model came to the limit of its length.",
    "loop": "The model repeated itself and was stopped.",
    "stopped": "It was stopped before its end.",
    "failed": "It failed before its end.",
    "interrupted": "The server stopped before its end.",
}


def emptiness(reply: Message) -> str | None:
    """Whether the reply has neither text nor a call of a function."""
    if reply.tool_calls or reply.text.strip().strip(_INVISIBLE).strip():
        return None
    return "The model only thought." if reply.reasoning else "There is no text."


def cut(reply: Message) -> str | None:
    """Whether the reply ended before its end, by what is known of its end, or as a block of code is open."""
    ending = _ENDINGS.get(reply.status or "") or _ENDINGS.get(reply.finish_reason or "")
    if ending is None and _has_open_block(reply.text):
        return "A block of code is not closed."
    return ending


def _has_open_block(text: str) -> bool:
    """Whether a fenced block is open at the end. Models write blocks within blocks, which CommonMark does not know."""
    if "```" not in text and "~~~" not in text:
        return False
    blocks: list[str] = []
    for fence in _FENCE.finditer(text):
        marks, info = fence["marks"], fence["info"].strip()
        if not blocks or (info and marks.startswith(blocks[-1])):
            blocks.append(marks)
        elif not info and marks.startswith(blocks[-1]):
            blocks.pop()
    return bool(blocks)
