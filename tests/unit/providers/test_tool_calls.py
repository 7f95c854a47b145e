import pytest

from chatkeep.chat.model import ToolCall
from chatkeep.providers import ollama_wire, openai_wire
from chatkeep.providers.failures import RequestRefused, StreamBroken, stream_failure
from chatkeep.providers.tool_calls import MAX_CALLS, MAX_CHARS, ToolCalls


def test_pieces_go_to_the_call_that_their_index_names() -> None:
    calls = ToolCalls()
    calls.add_piece(0, "a", "f", "")
    calls.add_piece(1, "b", "g", "[")
    calls.add_piece(0, "", "", "{}")
    calls.add_piece(1, "", "", "]")
    assert calls.whole() == [ToolCall("a", "f", "{}"), ToolCall("b", "g", "[]")]


def test_a_call_without_an_id_is_numbered_and_one_without_arguments_has_none() -> None:
    calls = ToolCalls()
    calls.add_whole("", "f", "")
    calls.add_whole("", "g", '{"x":1}')
    assert calls.whole() == [ToolCall("call_0", "f", "{}"), ToolCall("call_1", "g", '{"x":1}')]


def test_as_many_calls_as_are_taken_are_taken_and_one_more_breaks_the_stream() -> None:
    calls = ToolCalls()
    for number in range(MAX_CALLS):
        calls.add_piece(number, "", "f", "{}")
    assert len(calls.whole()) == MAX_CALLS
    with pytest.raises(StreamBroken, match="128") as caught:
        calls.add_piece(MAX_CALLS, "", "f", "{}")
    assert type(stream_failure("x", caught.value.complaint, None)) is RequestRefused


def test_calls_as_long_as_is_taken_are_taken_and_one_character_more_breaks_the_stream() -> None:
    calls = ToolCalls()
    calls.add_piece(0, "", "f", "x" * (MAX_CHARS - 2))
    calls.add_piece(1, "", "g", "")
    with pytest.raises(StreamBroken, match="1048576") as caught:
        calls.add_piece(0, "", "", "x")
    assert type(stream_failure("x", caught.value.complaint, None)) is RequestRefused


def test_a_reply_that_calls_too_much_is_broken_in_either_format() -> None:
    openai = openai_wire.ReplyDecoder()
    piece = b'{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"%s"}}]}}]}' % (b"x" * 65_536)
    for _ in range(16):
        openai.feed(piece)
    with pytest.raises(StreamBroken):
        openai.feed(piece)
    ollama = ollama_wire.ReplyDecoder()
    call = b'{"message":{"tool_calls":[{"function":{"name":"f"}}]}}'
    for _ in range(MAX_CALLS):
        ollama.feed(call)
    with pytest.raises(StreamBroken):
        ollama.feed(call)
