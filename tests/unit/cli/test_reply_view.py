"""What of a reply is printed, and that nothing of it is printed twice."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from chatkeep.api.schemas import ShownMessage
from chatkeep.chat.events import Delta, Done, Problem, Reasoning, Retry, RunEvent, Start
from chatkeep.chat.model import CheckResult, FailedCall, Stats, ToolCall, Usage
from chatkeep.cli.terminal.markdown import THEME
from chatkeep.cli.terminal.reply import Reply
from chatkeep.cli.terminal.reply_view import ReplyView, printed_message

START = Start("run_1", "c", "m1", "p", "m")
STATS = Stats(1.0, 2.0, 3.0)


def done(reason: str = "stop", state: str = "completed", *checks: CheckResult) -> Done:
    return Done(reason, Usage(1, 2, 3), STATS, "m1", state, checks=list(checks))


def printed(renderables: list[RenderableType], width: int = 60) -> str:
    console = Console(
        file=io.StringIO(), width=width, theme=THEME, markup=False, emoji=False, highlight=False, force_terminal=False
    )
    for renderable in renderables:
        console.print(renderable, crop=False)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def shown(*events: RunEvent, width: int = 60) -> str:
    """All that is printed of a run whose events come one by one."""
    view, reply = ReplyView(), Reply()
    found: list[RenderableType] = []
    for event in events:
        reply.take(event)
        found += view.news(reply)
    return printed(found, width)


def test_markdown_is_printed_with_one_empty_line_between_blocks() -> None:
    text = "# Head\n\n\nWords\nmore.\n- a\n- b\n\n```py\nx = 1\n\n```\n| a |\n|---|\n| 1 |\n\nend"
    assert shown(START, Delta(text), done()) == (
        "Head\n\nWords more.\n\n • a\n • b\n\n```py\nx = 1\n\n```\n\n a\n ─\n 1\n\nend\n"
    )


def test_tags_and_links_are_shown_as_they_are() -> None:
    text = "A `List<int>` is <b>a</b> [list](http://example.org/l).\n\n<div>\n\n[1]: http://x.org\n"
    assert shown(START, Delta(text), done()) == (
        "A List<int> is <b>a</b> list (http://example.org/l).\n\n<div>\n\n[1]: http://x.org\n"
    )


def test_lines_of_code_keep_their_length_and_their_spaces() -> None:
    code = "def function(argument):\n    return " + "x" * 100
    assert shown(START, Delta(f"```python\n{code}\n```\n"), done(), width=40) == f"```python\n{code}\n```\n"


def test_a_run_that_is_replayed_shows_only_what_was_not_shown() -> None:
    view, first, again = ReplyView(), Reply(), Reply()
    events: list[RunEvent] = [START, Reasoning("hm"), Delta("One.\n\nTwo and ")]
    for event in events:
        first.take(event)
    begun = view.news(first) + view.pause()
    rest: list[RenderableType] = []
    for event in [*events, Delta("three.\n\n"), done()]:
        again.take(event)
        rest += view.news(again)
    assert printed(begun) == "Thought (1 word): hm\nOne.\n\nTwo and\n"
    assert printed(rest) == "three.\n"


def test_a_run_whose_events_are_gone_shows_the_rest_of_its_text() -> None:
    view, first, stored = ReplyView(), Reply(), Reply()
    first.take(Delta("One.\n\nTwo "))
    begun = view.news(first) + view.pause()
    stored.take(Delta("One.\n\nTwo three."))
    assert printed(begun) == "One.\n\nTwo\n"
    assert printed(view.news(stored) + view.finish()) == "three.\n"


def test_thinking_is_one_line() -> None:
    text = shown(START, Reasoning("Let me think " * 50), Delta("Yes."), done())
    thought, reply = text.splitlines()
    assert thought.startswith("Thought (150 words): Let me think")
    assert len(thought) <= 60
    assert reply == "Yes."


def test_another_provider_that_is_asked_is_told() -> None:
    failed = FailedCall("p", "m", "provider_error", "overheated", 5.0)
    assert "p: overheated q/n is asked in 2 s." in shown(START, Retry("q", "n", 2.0, failed), Delta("Hi"), done())


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (done("length"), "The reply is as long as it may be. /continue goes on."),
        (done("stopped", "stopped"), "Stopped. /continue goes on."),
        (done("loop"), "the model repeated itself"),
        (
            done("stop", "completed", CheckResult("grounding", "warn", "No source.")),
            "Check grounding: warn. No source.",
        ),
        (Problem("", "", 502, "It broke.", "x", partial="Hi"), "It broke. What came is kept. /continue goes on."),
        (Problem("", "", 502, "It \x1b[2J broke.", "x"), "It ␛[2J broke. /retry asks again."),
    ],
)
def test_an_end_that_is_not_the_usual_one_is_told(end: Done | Problem, said: str) -> None:
    assert said in shown(START, Delta("Hi"), end)


def test_a_function_that_is_called_is_shown() -> None:
    assert "→ look({})" in shown(START, ToolCall("1", "look", "{}"), done("tool_calls"))


def test_a_stored_reply_looks_as_when_it_came() -> None:
    message = ShownMessage("assistant", "One\n\n- two", id="m", status="stopped", finish_reason="stopped")
    assert printed(printed_message(message)) == "One\n\n • two\nStopped. /continue goes on.\n"


_SCRAPS = [
    "# ",
    "- ",
    "1. ",
    "> ",
    "```",
    "~~~",
    "|",
    "|---|",
    "\n",
    "\n\n",
    "    ",
    "[a](b)",
    "![i](u)",
    "*",
    "**",
    "`",
]
_SCRAPS += [
    "<b>",
    "</kbd>",
    "<!--",
    "&#27;",
    "\x1b[31m",
    "\t",
    "a",
    "é",
    "你",
    "~~",
    "\\",
    "---",
    "[x]: y",
    "http://e.org ",
]
_SOUP = st.lists(st.sampled_from(_SCRAPS), max_size=40).map("".join)


@given(_SOUP, st.integers(1, 50))
def test_any_text_is_printed_at_any_width_without_a_control_character(text: str, width: int) -> None:
    view, reply = ReplyView(), Reply()
    found: list[RenderableType] = []
    for start in range(0, len(text), 7):
        reply.take(Delta(text[start : start + 7]))
        found += view.news(reply)
        printed(view.tail(reply), width)
    reply.take(done())
    lines = printed(found + view.news(reply), width)
    assert not any(ord(character) < 32 or 127 <= ord(character) < 160 for character in lines if character not in "\n\t")
