import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.chat.context import estimate_tokens, fit
from chatkeep.chat.model import Chat, Message
from chatkeep.errors import ContextTooLong

NOW = "2026-01-01T00:00:00.000000Z"
ASK = Message(role="user", content="and now?")


def a_chat(*turns: tuple[str, str]) -> Chat:
    messages = [Message(role="system", content="the chat's own")]
    for question, answer in turns:
        messages += [Message(role="user", content=question), Message(role="assistant", content=answer)]
    return Chat("chat", "t", 1, NOW, NOW, messages)


def test_a_new_chat_is_the_system_prompt_and_the_question() -> None:
    messages, _ = fit(None, "Be brief.", ASK, window=None, max_tokens=None)

    assert [(message.role, message.content) for message in messages] == [("system", "Be brief."), ("user", "and now?")]


def test_without_a_known_window_nothing_is_left_out() -> None:
    chat = a_chat(*[("q" * 1000, "a" * 1000)] * 50)

    messages, _ = fit(chat, "Be brief.", ASK, window=None, max_tokens=None)

    assert len(messages) == 102


def test_the_oldest_turns_are_left_out_first_and_the_prompt_is_kept() -> None:
    chat = a_chat(("old question " * 50, "old answer " * 50), ("new question", "new answer"))

    messages, _ = fit(chat, "Be brief.", ASK, window=400, max_tokens=100)

    assert [message.content for message in messages] == ["Be brief.", "new question", "new answer", "and now?"]


def test_a_reply_whose_question_did_not_fit_is_left_out_too() -> None:
    chat = a_chat(("long question " * 100, "short answer"))

    messages, _ = fit(chat, "Be brief.", ASK, window=400, max_tokens=100)

    assert [message.content for message in messages] == ["Be brief.", "and now?"]


def test_an_empty_reply_of_a_failed_run_is_not_sent() -> None:
    messages, _ = fit(a_chat(("q", "")), "", ASK, window=None, max_tokens=None)

    assert [message.content for message in messages] == ["q", "and now?"]


def test_a_question_that_does_not_fit_alone_is_refused() -> None:
    with pytest.raises(ContextTooLong):
        fit(None, "Be brief.", Message(role="user", content="x" * 4000), window=1000, max_tokens=None)


@given(st.lists(st.tuples(st.text(min_size=1), st.text()), max_size=20), st.integers(100, 600))
def test_what_is_sent_fits_the_window_and_leaves_room_for_the_reply(turns: list[tuple[str, str]], window: int) -> None:
    messages, used = fit(a_chat(*turns), "Be brief.", ASK, window=window, max_tokens=None)

    assert used == sum(estimate_tokens(str(message.content)) for message in messages)
    assert used <= window - window // 4
