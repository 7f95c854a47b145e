"""Replies that say nothing, and replies that end too early."""

import pytest

from chatkeep.chat.model import Message, ReplyStatus, ToolCall
from chatkeep.checks.completeness import cut, emptiness

FENCE = "```"


def reply(text: str, *, status: ReplyStatus = "complete", finish_reason: str = "stop", **more: object) -> Message:
    return Message(role="assistant", content=text, status=status, finish_reason=finish_reason, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", " ", "\n\t\n", "\u200b", " \ufeff\n"])
def test_a_reply_without_a_visible_character_is_empty(text: str) -> None:
    assert emptiness(reply(text)) == "There is no text."


def test_a_reply_of_thoughts_alone_is_empty_and_says_so() -> None:
    assert emptiness(reply("", reasoning="Let me see.")) == "The model only thought."


@pytest.mark.parametrize("text", [".", "0", "🙂", "\u200bno"])
def test_a_reply_of_one_character_is_not_empty(text: str) -> None:
    assert emptiness(reply(text)) is None


def test_a_call_of_a_function_without_text_is_not_empty() -> None:
    assert emptiness(reply("", tool_calls=[ToolCall("1", "f", "{}")])) is None


@pytest.mark.parametrize(
    ("status", "finish_reason"),
    [("complete", "length"), ("complete", "loop"), ("stopped", "stopped"), ("failed", ""), ("interrupted", "")],
)
def test_a_reply_that_is_known_to_have_ended_early_is_cut(status: ReplyStatus, finish_reason: str) -> None:
    assert cut(reply("Once upon a", status=status, finish_reason=finish_reason)) is not None


@pytest.mark.parametrize(
    "text",
    [
        f"Run this:\n\n{FENCE}sh\nls -l\n",
        f"{FENCE}python\nprint(1)",
        f"First:\n{FENCE}\na\n{FENCE}\nthen:\n{FENCE}js\nlet b",
        "~~~\ntext",
        f"   {FENCE}\nindented",
        f"~~~\n{FENCE}\nonly the inner one is closed\n{FENCE}\n",
        f"{FENCE}{FENCE}\na longer fence is not closed by a shorter one\n{FENCE}\n",
    ],
)
def test_a_block_of_code_that_is_not_closed_is_a_cut(text: str) -> None:
    assert cut(reply(text)) == "A block of code is not closed."


@pytest.mark.parametrize(
    "text",
    [
        "A whole sentence.",
        "no full stop at the end",
        "and then he said",
        f"Run this:\n\n{FENCE}sh\nls -l\n{FENCE}\n",
        f"{FENCE}\na\n{FENCE}\n\n{FENCE}\nb\n{FENCE}",
        f"A fence is written as {FENCE} and closed as {FENCE}, and one alone {FENCE} means nothing here.",
        f"{FENCE}markdown\n# Title\n{FENCE}sh\nls\n{FENCE}\nmore\n{FENCE}\nThat is how blocks are put into blocks.",
        f"{FENCE}{FENCE}\n{FENCE}\nshown, not meant\n{FENCE}{FENCE}\n",
        f"{FENCE}python\nx = '''~~~'''\n{FENCE}{FENCE}\n",
        "~~~\ntext\n~~~",
    ],
)
def test_a_reply_that_the_model_ended_with_every_block_closed_is_not_cut(text: str) -> None:
    assert cut(reply(text)) is None
