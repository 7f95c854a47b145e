import json
from typing import Any

import msgspec
import pytest

from chatkeep.chat.events import Delta, Finish, ProviderEvent
from chatkeep.chat.model import ToolCall
from chatkeep.chat.ports import ChatMessage, ProviderRequest, Tool
from chatkeep.providers.anthropic_models import ListedModel, can_prefill, decode_models
from chatkeep.providers.anthropic_wire import ReplyDecoder, encode_request, unsent_end
from chatkeep.providers.failures import RequestRefused, StreamBroken
from chatkeep.providers.tool_calls import MAX_CALLS, MAX_CHARS

PNG = msgspec.Raw(b'{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}')
LINK = msgspec.Raw(b'{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}')
WHAT = msgspec.Raw(b'{"type":"text","text":"what is this?"}')
OLD = "claude-sonnet-4-5"
NEW = "claude-sonnet-5-5"


def body(request: ProviderRequest, listed: ListedModel | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode_request(request, listed))
    return found


def sent(*messages: ChatMessage, model: str = NEW) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body(ProviderRequest(model, list(messages)))["messages"]
    return found


def says(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "content": [{"type": "text", "text": text} for text in texts]}


def listed(**told: object) -> ListedModel:
    return decode_models(json.dumps({"data": [{"id": NEW, **told}]}).encode())[0][0]


def test_a_request_has_only_what_it_says_and_the_bound_that_the_format_wants() -> None:
    assert body(ProviderRequest(NEW, [ChatMessage("user", "hi")])) == {
        "model": NEW,
        "max_tokens": 32_000,
        "messages": [says("user", "hi")],
        "stream": True,
    }


def test_zero_is_a_temperature_and_the_asked_bound_is_sent() -> None:
    found = body(ProviderRequest(NEW, [ChatMessage("user", "hi")], temperature=0.0, max_tokens=5))
    assert (found["temperature"], found["max_tokens"]) == (0.0, 5)


def test_a_temperature_that_the_format_does_not_know_is_refused_and_not_changed() -> None:
    assert body(ProviderRequest(NEW, [], temperature=1.0))["temperature"] == 1.0
    with pytest.raises(RequestRefused, match=r"1\.5.*0 to 1"):
        encode_request(ProviderRequest(NEW, [], temperature=1.5))


@pytest.mark.parametrize(
    ("model", "tokens"),
    [
        ("claude-3-opus-20240229", 4096),
        ("claude-2.1", 4096),
        ("claude-3-5-haiku-20241022", 8192),
        ("claude-3-7-sonnet-latest", 32_000),
        ("claude-opus-4-20250514", 32_000),
        ("claude-fable-5-2", 32_000),
        ("somebody-elses", 8192),
    ],
)
def test_the_bound_of_a_reply_is_one_that_the_model_takes(model: str, tokens: int) -> None:
    assert body(ProviderRequest(model, []))["max_tokens"] == tokens


@pytest.mark.parametrize(("told", "tokens"), [(128_000, 32_000), (16_000, 16_000), (None, 32_000), (0, 32_000)])
def test_the_bound_is_at_most_what_the_service_told_of_the_model(told: int | None, tokens: int) -> None:
    assert body(ProviderRequest(NEW, []), listed(max_tokens=told))["max_tokens"] == tokens


def test_what_the_system_says_stands_apart_in_its_order() -> None:
    found = body(
        ProviderRequest(NEW, [ChatMessage("system", "a"), ChatMessage("user", "hi"), ChatMessage("developer", "b")])
    )
    assert found["system"] == [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    assert found["messages"] == [says("user", "hi")]


def test_messages_of_one_role_in_a_row_become_one_turn() -> None:
    assert sent(
        ChatMessage("user", "a"),
        ChatMessage("user", "b"),
        ChatMessage("assistant", "c"),
        ChatMessage("assistant", "d"),
        ChatMessage("user", "e"),
    ) == [says("user", "a", "b"), says("assistant", "c", "d"), says("user", "e")]


@pytest.mark.parametrize("blank", ["", " \n", [msgspec.Raw(b'{"type":"text","text":" "}')], []])
def test_a_message_that_says_nothing_is_not_sent(blank: str | list[msgspec.Raw]) -> None:
    assert sent(ChatMessage("user", "a"), ChatMessage("assistant", blank), ChatMessage("user", "b")) == [
        says("user", "a", "b")
    ]


def test_images_are_sent_by_their_bytes_or_their_address() -> None:
    assert sent(ChatMessage("user", [WHAT, PNG, LINK]))[0]["content"] == [
        {"type": "text", "text": "what is this?"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
        {"type": "image", "source": {"type": "url", "url": "https://example.org/a.png"}},
    ]


def test_parallel_calls_and_their_results_stand_in_two_turns_and_the_user_goes_on_in_the_second() -> None:
    calls = [ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g", "")]
    assert sent(
        ChatMessage("user", "hi"),
        ChatMessage("assistant", "I look.", tool_calls=calls),
        ChatMessage("tool", "1", tool_call_id="a"),
        ChatMessage("tool", [WHAT, PNG], tool_call_id="b"),
        ChatMessage("user", "and?"),
    )[1:] == [
        {
            "role": "assistant",
            "content": [
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "a", "name": "f", "input": {"x": 1}},
                {"type": "tool_use", "id": "b", "name": "g", "input": {}},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "a", "content": [{"type": "text", "text": "1"}]},
                {
                    "type": "tool_result",
                    "tool_use_id": "b",
                    "content": [
                        {"type": "text", "text": "what is this?"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                    ],
                },
                {"type": "text", "text": "and?"},
            ],
        },
    ]


def test_an_empty_result_of_a_tool_is_still_a_result() -> None:
    call = ChatMessage("assistant", "", tool_calls=[ToolCall("a", "f", "{}")])
    last = sent(call, ChatMessage("tool", "", tool_call_id="a"))[-1]
    assert last == {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a"}]}


def test_tools_are_sent_with_their_schema_as_it_is() -> None:
    schema = msgspec.Raw(b'{"type":"object","properties":{"x":{"$ref":"#/$defs/y"}}}')
    tools = [Tool("f", "does f", schema), Tool("g")]
    assert body(ProviderRequest(NEW, [], tools=tools))["tools"] == [
        {"name": "f", "description": "does f", "input_schema": json.loads(bytes(schema))},
        {"name": "g", "input_schema": {"type": "object", "properties": {}}},
    ]


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (ChatMessage("user", [msgspec.Raw(b'{"type":"input_audio","input_audio":{"data":"AA"}}')]), "input_audio"),
        (ChatMessage("user", [msgspec.Raw(b'{"type":"file","file":{"file_id":"x"}}')]), "file"),
        (ChatMessage("user", [msgspec.Raw(b'{"type":"hologram"}')]), "hologram"),
        (ChatMessage("user", [msgspec.Raw(b'{"type":"image_url"}')]), "image_url"),
        (ChatMessage("user", [msgspec.Raw(b'{"type":"image_url","image_url":{"url":"file:///a.png"}}')]), "data: URL"),
        (ChatMessage("user", [msgspec.Raw(b'{"type":"text","text":7}')]), "OpenAI's form"),
        (ChatMessage("system", [PNG]), "system"),
        (ChatMessage("function", "1"), "function"),
        (ChatMessage("tool", "1"), "which call"),
        (ChatMessage("assistant", "", tool_calls=[ToolCall("a", "", "{}")]), "of which one"),
        (ChatMessage("assistant", "", tool_calls=[ToolCall("a", "f", "[1]")]), "'f'"),
        (ChatMessage("assistant", "", tool_calls=[ToolCall("a", "f", '{"x":')]), "'f'"),
        (ChatMessage("assistant", "", tool_calls=[ToolCall("a", "f", '{"x":' + "[" * 9999)]), "'f'"),
    ],
)
def test_what_the_format_cannot_say_is_refused_by_its_name(message: ChatMessage, named: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        encode_request(ProviderRequest(NEW, [message, ChatMessage("user", "go on")]))
    assert named in caught.value.detail


@pytest.mark.parametrize(
    ("model", "does"),
    [
        ("claude-3-haiku-20240307", True),
        ("claude-sonnet-4-20250514", True),
        ("claude-opus-4-1-20250805", True),
        ("claude-haiku-4-5", True),
        ("claude-sonnet-4-5-20250929", True),
        ("claude-opus-4-6", False),
        ("claude-sonnet-5", False),
        ("claude-fable-5-2", False),
        ("claude-mythos-preview", False),
        ("glm-4.5", False),
        ("", False),
    ],
)
def test_models_up_to_four_five_go_on_with_a_reply_that_was_begun(model: str, does: bool) -> None:
    assert can_prefill(model) is does


def test_a_reply_that_is_gone_on_with_ends_without_white_space() -> None:
    messages = [ChatMessage("user", "hi"), ChatMessage("assistant", "The sun \n")]
    assert sent(*messages, model=OLD) == [says("user", "hi"), says("assistant", "The sun")]
    assert unsent_end(ProviderRequest(OLD, messages)) == " \n"


def test_white_space_at_the_end_of_an_earlier_reply_stays() -> None:
    messages = [ChatMessage("assistant", "The sun \n"), ChatMessage("user", "go on \n")]
    assert sent(*messages) == [says("assistant", "The sun \n"), says("user", "go on \n")]
    assert unsent_end(ProviderRequest(OLD, messages)) == ""


def test_a_model_that_does_not_go_on_with_a_reply_is_not_asked_to() -> None:
    messages = [ChatMessage("user", "hi"), ChatMessage("assistant", "The sun")]
    with pytest.raises(RequestRefused, match=NEW):
        encode_request(ProviderRequest(NEW, messages))


def test_a_model_that_thinks_unasked_is_told_to_show_it() -> None:
    adaptive = {"thinking": {"supported": True, "types": {"adaptive": {"supported": True}}}}
    request = ProviderRequest(NEW, [])
    assert body(request, listed(capabilities=adaptive))["thinking"] == {"type": "adaptive", "display": "summarized"}
    assert "thinking" not in body(request, listed(capabilities=None))
    older = msgspec.structs.replace(listed(capabilities=adaptive), id="claude-opus-4-8")
    assert "thinking" not in body(request, older)


def from_pieces(*texts: str, unsent: str) -> list[ProviderEvent]:
    reply = ReplyDecoder(unsent)
    pieces = [json.dumps({"type": "content_block_delta", "delta": {"type": "text_delta", "text": t}}) for t in texts]
    events = [event for piece in [*pieces, '{"type":"message_stop"}'] for event in reply.feed(piece.encode())]
    return [*events, *reply.end()]


@pytest.mark.parametrize(
    ("unsent", "texts", "said"),
    [
        (" ", [" is hot"], "is hot"),
        (" ", ["is hot"], "is hot"),
        ("", [" is hot"], " is hot"),
        ("\n\n", ["\n", "\n", "- a"], "- a"),
        ("\n", ["\n\n- a"], "\n- a"),
        ("\n\n", ["\n", "- a\n"], "- a\n"),
        (" ", ["  is", " hot"], " is hot"),
        (" ", ["a", " b"], "a b"),
    ],
)
def test_white_space_that_was_not_sent_is_not_said_twice(unsent: str, texts: list[str], said: str) -> None:
    events = from_pieces(*texts, unsent=unsent)
    assert "".join(event.text for event in events if isinstance(event, Delta)) == said
    assert events[-1] == Finish("stop")


def fed(*pieces: dict[str, object]) -> None:
    reply = ReplyDecoder()
    for piece in pieces:
        reply.feed(json.dumps(piece).encode())


def call_begins(index: int) -> dict[str, object]:
    block = {"type": "tool_use", "id": f"a{index}", "name": "f", "input": {}}
    return {"type": "content_block_start", "index": index, "content_block": block}


def test_more_calls_than_are_taken_end_the_reply() -> None:
    fed(*map(call_begins, range(MAX_CALLS)))
    with pytest.raises(StreamBroken, match=str(MAX_CALLS)):
        fed(*map(call_begins, range(MAX_CALLS + 1)))


def test_longer_arguments_than_are_taken_end_the_reply() -> None:
    delta = {"type": "input_json_delta", "partial_json": "x" * (MAX_CHARS // 2)}
    piece = {"type": "content_block_delta", "index": 0, "delta": delta}
    with pytest.raises(StreamBroken, match=str(MAX_CHARS)):
        fed(call_begins(0), piece, piece, piece)


IMPOSSIBLE = [b"9" * 400, b"9" * 5000, b"-1", b"9007199254740992", b"1e999", b"1.5", b'"many"', b"[]", b"{}"]


@pytest.mark.parametrize("number", IMPOSSIBLE, ids=lambda number: number[:16].decode())
@pytest.mark.parametrize("field", ["output_tokens", "input_tokens", "cache_read_input_tokens"])
def test_a_count_that_cannot_be_costs_the_usage_and_not_the_reply(number: bytes, field: str) -> None:
    reply = ReplyDecoder()
    events = reply.feed(b'{"type":"message_start","message":{"usage":{"input_tokens":1,"output_tokens":1}}}')
    events += reply.feed(b'{"type":"content_block_delta","delta":{"type":"text_delta","text":"a"}}')
    events += reply.feed(b'{"type":"message_delta","delta":{},"usage":{"%s":%s}}' % (field.encode(), number))
    events += reply.feed(b'{"type":"message_stop"}')
    assert [*events, *reply.end()] == [Delta("a"), Finish("stop")]
