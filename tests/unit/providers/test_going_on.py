"""A reply that goes on with what was begun, when the service says that again first."""

import json

import pytest

from chatkeep.chat.events import Delta, Finish, ProviderEvent, Reasoning
from chatkeep.chat.ports import ChatMessage, ProviderRequest
from chatkeep.providers.openai_wire import Quirks, ReplyDecoder, repeated_in

LONG = "Once upon a time there was a king who had"


def heard(begun: str, *texts: str) -> list[ProviderEvent]:
    reply = ReplyDecoder(begun)
    events: list[ProviderEvent] = []
    for text in texts:
        events += reply.feed(json.dumps({"choices": [{"delta": {"content": text}}]}).encode())
    reply.feed(b'{"choices":[{"delta":{},"finish_reason":"stop"}]}')
    return [*events, *reply.end()]


@pytest.mark.parametrize(
    "texts",
    [("Once upon a time", " there"), ("Once upon a time there",), ("On", "ce upon", " a ", "time ", "there")],
)
def test_what_was_begun_is_left_out_however_it_is_cut(texts: tuple[str, ...]) -> None:
    events = heard("Once upon", *texts)
    assert "".join(event.text for event in events if isinstance(event, Delta)) == " a time there"
    assert events[-1] == Finish("stop")


def test_a_reply_that_does_not_repeat_is_given_at_once_and_whole() -> None:
    assert heard("Once upon", " a", " time") == [Delta(" a"), Delta(" time"), Finish("stop")]
    assert heard("Once upon", "Once", " more") == [Delta("Once more"), Finish("stop")]


def test_the_beginning_of_a_repetition_is_not_lost_when_the_reply_ends_there() -> None:
    assert heard("Once upon", "Once") == [Delta("Once"), Finish("stop")]


def test_only_the_first_repetition_is_left_out() -> None:
    assert heard("ha ", "ha ", "ha ") == [Delta("ha "), Finish("stop")]


def test_reasoning_is_not_held_back() -> None:
    reply = ReplyDecoder("Once")
    assert reply.feed(b'{"choices":[{"delta":{"reasoning":"hm","content":"On"}}]}') == [Reasoning("hm")]


def test_a_short_beginning_is_only_looked_for_where_the_service_is_known_to_repeat() -> None:
    def repeated(text: str, quirks: Quirks) -> str:
        return repeated_in(ProviderRequest("m", [ChatMessage("user", "hi"), ChatMessage("assistant", text)]), quirks)

    assert repeated("ha ", Quirks(prefill="prefix")) == "ha "
    assert repeated("ha ", Quirks(prefill="plain")) == ""
    assert repeated(LONG, Quirks(prefill="plain")) == LONG
    assert repeated_in(ProviderRequest("m", [ChatMessage("user", LONG)]), Quirks(prefill="prefix")) == ""
