from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.chat.context import check_fits, estimate_tokens, fit
from chatkeep.chat.model import Chat, Message, ToolCall
from chatkeep.chat.ports import ChatMessage
from chatkeep.errors import ContextTooLong

NOW = "2026-01-01T00:00:00.000000Z"
ASK = Message(role="user", content="and now?")


def a_chat(*turns: tuple[str, str]) -> Chat:
    messages = [Message(role="system", content="the chat's own")]
    for question, answer in turns:
        messages += [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return Chat("chat", "t", 1, NOW, NOW, messages)


def test_a_new_chat_is_the_system_prompt_and_the_question() -> None:
    messages, _ = fit((), "Be brief.", ASK, window=None, max_tokens=None)

    assert [(message.role, message.content) for message in messages] == [("system", "Be brief."), ("user", "and now?")]


def test_without_a_known_window_nothing_is_left_out() -> None:
    chat = a_chat(*[("q" * 1000, "a" * 1000)] * 50)

    messages, _ = fit(chat.messages, "Be brief.", ASK, window=None, max_tokens=None)

    assert len(messages) == 102


def test_the_oldest_turns_are_left_out_first_and_the_prompt_is_kept() -> None:
    chat = a_chat(("old question " * 50, "old answer " * 50), ("new question", "new answer"))

    messages, _ = fit(chat.messages, "Be brief.", ASK, window=400, max_tokens=100)

    assert [message.content for message in messages] == ["Be brief.", "new question", "new answer", "and now?"]


def test_a_reply_whose_question_did_not_fit_is_left_out_too() -> None:
    chat = a_chat(("long question " * 100, "short answer"))

    messages, _ = fit(chat.messages, "Be brief.", ASK, window=400, max_tokens=100)

    assert [message.content for message in messages] == ["Be brief.", "and now?"]


def test_an_empty_reply_of_a_failed_run_is_not_sent() -> None:
    messages, _ = fit(a_chat(("q", "")).messages, "", ASK, window=None, max_tokens=None)

    assert [message.content for message in messages] == ["q", "and now?"]


def test_a_question_that_does_not_fit_alone_is_refused() -> None:
    with pytest.raises(ContextTooLong):
        fit((), "Be brief.", Message(role="user", content="x" * 4000), window=1000, max_tokens=None)


def a_chat_of(*messages: Message) -> Chat:
    return Chat("chat", "t", 1, NOW, NOW, list(messages))


def sent(*messages: Message, window: int | None = None) -> list[ChatMessage]:
    return fit(a_chat_of(*messages).messages, "", ASK, window=window, max_tokens=None)[0][:-1]


def a_user(text: str = "q", **more: Any) -> Message:
    return Message(role="user", content=text, **more)


def a_reply(text: str, *calls: str, **more: Any) -> Message:
    tool_calls = [ToolCall(call, "look", '{"at": 1}') for call in calls] or None
    return Message(role="assistant", content=text, tool_calls=tool_calls, **more)


def an_answer(call: str | None, text: str = "42") -> Message:
    return Message(role="tool", content=text, tool_call_id=call)


def test_a_reply_and_the_pieces_it_was_gone_on_with_are_one_message() -> None:
    pieces = [a_reply("One", id="a"), a_reply("", id="b", continues="a"), a_reply(" two", id="c", continues="b")]

    assert sent(a_user(), *pieces) == [ChatMessage("user", "q"), ChatMessage("assistant", "One two")]


def test_pieces_in_the_form_of_parts_are_joined_by_their_text() -> None:
    parts = Message(role="assistant", content=[msgspec.Raw(b'{"type":"text","text":"One"}')], id="a")

    assert sent(a_user(), parts, a_reply(" two", continues="a"))[-1] == ChatMessage("assistant", "One two")
    assert sent(a_user(), parts)[-1].content == parts.content


@pytest.mark.parametrize("continues", ["z", "b"])
def test_replies_that_only_stand_together_are_not_made_one(continues: str) -> None:
    messages = [a_reply("One", id="a"), a_reply("two", id="b", continues=continues)]

    assert [message.content for message in sent(a_user(), *messages)] == ["q", "One", "two"]


def test_a_reply_that_was_asked_to_go_on_by_a_message_is_not_joined() -> None:
    turn = [a_reply("One", id="a"), a_user("go on", continues="a"), a_reply("two", continues="a")]

    assert [message.content for message in sent(a_user(), *turn)] == ["q", "One", "go on", "two"]


def test_a_call_of_tools_is_sent_with_its_answers_in_their_order() -> None:
    messages = sent(a_user(), a_reply("", "x", "y"), an_answer("y", "two"), an_answer("x", ""), a_reply("done"))

    assert [(m.role, m.content, m.tool_call_id) for m in messages] == [
        ("user", "q", None),
        ("assistant", "", None),
        ("tool", "", "x"),
        ("tool", "two", "y"),
        ("assistant", "done", None),
    ]
    assert [call.id for call in messages[1].tool_calls] == ["x", "y"]


@pytest.mark.parametrize(
    ("messages", "texts"),
    [
        ([a_reply("look", "x"), a_user("never mind")], ["look", "never mind"]),
        ([a_reply("", "x"), a_user("never mind")], ["never mind"]),
        ([a_reply("look", "x", "y"), an_answer("x")], ["look"]),
        ([a_reply("look", "x"), an_answer("y")], ["look"]),
        ([a_reply("look", "x"), a_user("wait"), an_answer("x")], ["look", "wait"]),
        ([a_reply("plain"), an_answer("x"), an_answer(None)], ["plain"]),
        ([an_answer("x"), a_user("hi")], ["hi"]),
    ],
)
def test_calls_without_all_their_answers_and_answers_without_their_call_are_left_out(
    messages: list[Message], texts: list[str]
) -> None:
    found = sent(a_user(), *messages)

    assert [message.content for message in found] == ["q", *texts]
    assert all(not message.tool_calls and message.role != "tool" for message in found)


def test_an_answer_that_was_given_twice_is_sent_once() -> None:
    found = sent(a_user(), a_reply("", "x"), an_answer("x", "first"), an_answer("x", "second"))

    assert [message.content for message in found] == ["q", "", "first"]


def test_the_pieces_of_a_reply_that_ends_by_calling_tools_keep_the_call() -> None:
    found = sent(a_user(), a_reply("I ", "old", id="a"), a_reply("look", "x", continues="a"), an_answer("x"))

    assert [(message.content, [call.id for call in message.tool_calls]) for message in found] == [
        ("q", []),
        ("I look", ["x"]),
        ("42", []),
    ]


def test_a_call_and_its_answers_are_left_out_together_when_there_is_no_room() -> None:
    turn = [a_user(), a_reply("", "x"), an_answer("x", "long " * 100), a_reply("so"), a_user("and"), a_reply("yes")]

    assert [message.content for message in sent(*turn, window=300)] == ["and", "yes"]
    assert len(sent(*turn, window=2000)) == 6


def test_what_goes_on_is_sent_from_its_question_on_and_the_rest_as_far_as_there_is_room() -> None:
    chat = a_chat_of(
        *(a_user("old " * 100, id="1"), a_reply("older", id="2")),
        *(a_user("question", id="3"), a_reply("One", id="4"), a_reply(" two", id="5", continues="4")),
    )
    question = chat.messages[2]

    roomy, _ = fit(chat.messages, "Be brief.", question, window=None, max_tokens=None, continues="5")
    narrow, used = fit(chat.messages, "Be brief.", question, window=120, max_tokens=20, continues="5")

    assert [(m.role, m.content) for m in narrow] == [
        ("system", "Be brief."),
        ("user", "question"),
        ("assistant", "One two"),
    ]
    assert [m.content for m in roomy[1:3]] == ["old " * 100, "older"]
    assert used == sum(estimate_tokens(str(message.content)) for message in narrow)
    check_fits(chat.messages, "Be brief.", question, window=120, max_tokens=20, continues="5")
    for window in (40, 50):
        with pytest.raises(ContextTooLong):
            check_fits(chat.messages, "Be brief.", question, window=window, max_tokens=20, continues="5")
        with pytest.raises(ContextTooLong):
            fit(chat.messages, "Be brief.", question, window=window, max_tokens=20, continues="5")


def test_the_tools_that_a_reply_had_asked_before_it_broke_off_are_sent_with_it() -> None:
    messages = [a_user(id="1"), a_reply("", "x", id="2"), an_answer("x"), a_reply("So ", id="4")]

    found, _ = fit(a_chat_of(*messages).messages, "", messages[0], window=None, max_tokens=None, continues="4")

    assert [message.role for message in found] == ["user", "assistant", "tool", "assistant"]


def test_a_system_message_in_the_chat_is_no_place_that_a_reply_goes_back_to() -> None:
    messages = [Message(role="system", content="s"), a_user("first", id="1"), a_reply("yes", id="2")]
    messages += [a_user("second", id="3"), a_reply("half", id="4")]

    found, _ = fit(a_chat_of(*messages).messages, "", messages[3], window=30, max_tokens=1, continues="4")

    assert [message.content for message in found] == ["second", "half"]


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=20), st.integers(100, 600))
def test_what_is_sent_fits_the_window_and_leaves_room_for_the_reply(turns: list[tuple[str, str]], window: int) -> None:
    messages, used = fit(a_chat(*turns).messages, "Be brief.", ASK, window=window, max_tokens=None)

    assert used == sum(estimate_tokens(str(message.content)) for message in messages)
    assert used <= window - window // 4


def test_images_count_in_what_a_window_has_room_for() -> None:
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    seen = Message(role="user", content=[msgspec.Raw(msgspec.json.encode(part))] * 2)

    _, tokens = fit((), "", seen, window=2200, max_tokens=None)

    assert tokens == 2 * 765 + estimate_tokens("")
    with pytest.raises(ContextTooLong):
        check_fits((), "", seen, window=2000, max_tokens=1000)
