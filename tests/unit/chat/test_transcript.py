"""Chats as people read them: what is ours stands at the margin, whatever a message holds."""

import re
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from chatkeep.chat.model import START, Chat, Message, ToolCall
from chatkeep.chat.transcript import markdown, plain_text

AT = "2026-03-01T12:00:00.000000Z"


def a_chat(*messages: Message, title: str = "Space") -> Chat:
    return Chat("space", title, 1, AT, AT, list(messages))


def said(text: str, **more: object) -> Message:
    fields = {"id": "msg_1", "role": "assistant", "content": text, "timestamp": AT, **more}
    return msgspec.convert(fields, Message)


def test_markdown_has_who_when_reasoning_calls_and_how_a_reply_ended() -> None:
    chat = a_chat(
        Message(role="user", content="A *fact*?\n\nPlease", timestamp=AT),
        said(
            "Venus.",
            provider="openai",
            model="gpt-5",
            reasoning="Which?",
            tool_calls=[ToolCall("c", "look_up", '{"q": "``` venus"}')],
            status="failed",
            error="provider_error",
        ),
    )

    assert markdown(chat) == (
        "# Space\n\n"
        "Chat space, begun 2026-03-01 12:00:00 UTC, last changed 2026-03-01 12:00:00 UTC\n\n"
        "## User, 2026-03-01 12:00:00 UTC\n\n"
        "> A *fact*?\n>\n> Please\n\n"
        "## Assistant, openai/gpt-5, 2026-03-01 12:00:00 UTC\n\n"
        "<details>\n<summary>Reasoning</summary>\n\n> Which?\n\n</details>\n\n"
        "> Venus.\n\n"
        'Calls look\\_up:\n\n> ````json\n> {"q": "``` venus"}\n> ````\n\n'
        "*This reply failed: provider\\_error.*\n"
    )


def test_plain_text_has_the_same() -> None:
    chat = a_chat(
        Message(role="user", content="A fact?", timestamp=AT),
        said("Venus.\n\nTrue.", model="m", reasoning="Which?", tool_calls=[ToolCall("c", "f", "{}")], status="stopped"),
    )

    assert plain_text(chat) == (
        "Space\n=====\n\n"
        "Chat space, begun 2026-03-01 12:00:00 UTC, last changed 2026-03-01 12:00:00 UTC\n\n"
        "User, 2026-03-01 12:00:00 UTC:\n\n    A fact?\n\n"
        "Assistant, m, 2026-03-01 12:00:00 UTC:\n\n"
        "Reasoning:\n\n    Which?\n\n    Venus.\n\n    True.\n\nCalls f:\n\n    {}\n\n[This reply was stopped.]\n"
    )


def test_only_the_active_path_is_shown() -> None:
    first, second = said("one", id="a", parent_id=START), said("two", id="b", parent_id=START)
    question = Message(id="q", role="user", content="ask", timestamp=AT)
    chat = a_chat(
        question, msgspec.structs.replace(first, parent_id="q"), msgspec.structs.replace(second, parent_id="q")
    )

    assert "> two" in markdown(chat)
    assert "> one" not in markdown(chat)
    assert "> one" in markdown(msgspec.structs.replace(chat, current="a"))


def test_parts_that_are_no_text_are_named() -> None:
    parts = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "data:"}}]
    message = Message(role="user", content=[msgspec.Raw(msgspec.json.encode(part)) for part in parts])

    assert "> See\n> [image: not shown]" in markdown(a_chat(message))


HOSTILE = [
    "```python\nprint('never closed')",
    "~~~~\n## User",
    "## User, 2026-03-01\n\nforged",
    "# Space",
    "User\n====",
    "</details>\n\n## User",
    "<!-- never closed",
    "<script>\n\n## User\n</blockquote></details><h2>User</h2>",
    "- a\n\n  ```\n  open in a list",
    "> quoted\n```",
    "[a]: http://example.com\n\n[a]",
    "a\u2028## User\r## User\x0b## User",
    "`a <b> c` and <b>bold</b> <https://example.com>",
    "\x1b]0;title\x07",
    "\\`<script>`",
    "    indented\n\n\n## User",
]


def top_level(text: str) -> list[str]:
    """What stands at the margin of a Markdown document, and the texts of its headings."""
    found, tokens = [], MarkdownIt().parse(text)
    for place, token in enumerate(tokens):
        if token.level == 0 and token.nesting >= 0:
            heading = tokens[place + 1].content if token.type == "heading_open" else ""
            found.append(f"{token.type} {heading}".strip())
    return found


class Tags(HTMLParser):
    """The HTML elements of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_a_message_holds_stays_in_its_quote(text: str) -> None:
    rendered = markdown(a_chat(said(text, reasoning=text), said("after"), title=text))

    headings = [line for line in top_level(rendered) if line.startswith("heading")]
    assert len(headings) == 3
    assert headings[1] == headings[2] == "heading_open Assistant, 2026-03-01 12:00:00 UTC"
    assert top_level(rendered)[-2:] == [headings[2], "blockquote_open"]
    assert rendered.endswith("\n\n> after\n")
    tags = Tags()
    tags.feed(MarkdownIt().render(rendered))
    assert tags.seen.count("details") == 1
    assert "script" not in tags.seen


@given(text=st.text(), title=st.text())
@example(text="```", title="# x\n## y")
@example(text="\x85## User", title="<b>")
def test_whatever_is_said_the_margin_is_ours(text: str, title: str) -> None:
    chat = a_chat(said(text, reasoning=text), said("after"), title=title)
    empty = a_chat(said("x" if text else "", reasoning="x" if text else None), said("after"), title="x")

    kinds = [line.partition(" ")[0] for line in top_level(markdown(chat))]
    assert kinds == [line.partition(" ")[0] for line in top_level(markdown(empty))]

    margin = [line for line in plain_text(chat).split("\n") if line and not line.startswith("    ")]
    about = "Chat space, begun 2026-03-01 12:00:00 UTC, last changed 2026-03-01 12:00:00 UTC"
    heading = "Assistant, 2026-03-01 12:00:00 UTC:"
    expected = [about, heading, *(["Reasoning:"] if text else []), heading]
    assert margin[-len(expected) :] == expected
    assert len(margin) - len(expected) in (0, 2)  # the title and the line below it
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f]", plain_text(chat) + markdown(chat))
