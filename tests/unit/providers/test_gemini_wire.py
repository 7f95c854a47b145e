import json
from typing import Any

import msgspec
import pytest

from chatkeep.chat.events import Delta, Finish
from chatkeep.chat.model import ToolCall
from chatkeep.chat.ports import ChatMessage, ProviderRequest, Tool
from chatkeep.errors import ModelNotFound
from chatkeep.providers.failures import RequestRefused, StreamBroken, stream_failure
from chatkeep.providers.gemini_wire import ListedModel, ReplyDecoder, decode_models, encode_request, path_of
from chatkeep.providers.tool_calls import MAX_CALLS, MAX_CHARS

PNG = msgspec.Raw(b'{"type":"image_url","image_url":{"url":"data:image/PNG;name=a.png;base64,AAAA"}}')
LINK = msgspec.Raw(b'{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}')
WHAT = msgspec.Raw(b'{"type":"text","text":"what is this?"}')
MODEL = "gemini-3.8-flash"


def body(request: ProviderRequest, listed: ListedModel | None = None) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(encode_request(request, listed))
    return found


def sent(*messages: ChatMessage, model: str = MODEL) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = body(ProviderRequest(model, list(messages)))["contents"]
    return found


def says(role: str, *texts: str) -> dict[str, Any]:
    return {"role": role, "parts": [{"text": text} for text in texts]}


def test_a_request_has_only_what_it_says() -> None:
    assert body(ProviderRequest(MODEL, [ChatMessage("user", "hi")])) == {"contents": [says("user", "hi")]}


def test_what_bounds_a_reply_stands_in_the_config() -> None:
    found = body(ProviderRequest(MODEL, [], temperature=0.0, max_tokens=5))
    assert found["generationConfig"] == {"temperature": 0.0, "maxOutputTokens": 5}


def test_a_model_that_thinks_is_told_to_show_it() -> None:
    answers = b'"supportedGenerationMethods":["generateContent"]'
    page = b'{"models":[{"name":"models/a","thinking":true,%s},{"name":"models/b",%s}]}' % (answers, answers)
    (thinks, does_not), _ = decode_models(page)
    assert body(ProviderRequest("a", []), thinks)["generationConfig"] == {"thinkingConfig": {"includeThoughts": True}}
    assert "generationConfig" not in body(ProviderRequest("b", []), does_not)


def test_what_the_system_says_stands_apart_in_its_order() -> None:
    found = body(
        ProviderRequest(MODEL, [ChatMessage("system", "a"), ChatMessage("user", "hi"), ChatMessage("developer", "b")])
    )
    assert found["systemInstruction"] == {"parts": [{"text": "a"}, {"text": "b"}]}
    assert found["contents"] == [says("user", "hi")]


def test_messages_of_one_role_in_a_row_become_one_turn_and_the_assistant_is_the_model() -> None:
    assert sent(
        ChatMessage("user", "a"),
        ChatMessage("user", "b"),
        ChatMessage("assistant", "c"),
        ChatMessage("assistant", ""),
        ChatMessage("assistant", "d"),
        ChatMessage("user", "e"),
    ) == [says("user", "a", "b"), says("model", "c", "d"), says("user", "e")]


def test_an_image_is_sent_by_its_bytes() -> None:
    assert sent(ChatMessage("user", [WHAT, PNG]))[0]["parts"] == [
        {"text": "what is this?"},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}},
    ]


def test_parallel_calls_and_their_results_stand_in_two_turns_and_results_carry_the_functions_name() -> None:
    calls = [ToolCall("a", "f", '{"x": 1}'), ToolCall("b", "g", "")]
    assert sent(
        ChatMessage("user", "hi"),
        ChatMessage("assistant", "I look.", tool_calls=calls),
        ChatMessage("tool", '{"y": [2]}', tool_call_id="b"),
        ChatMessage("tool", "[1]", tool_call_id="a"),
        ChatMessage("user", "and?"),
    )[1:] == [
        {
            "role": "model",
            "parts": [
                {"text": "I look."},
                {
                    "functionCall": {"id": "a", "name": "f", "args": {"x": 1}},
                    "thoughtSignature": "skip_thought_signature_validator",
                },
                {"functionCall": {"id": "b", "name": "g", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"functionResponse": {"id": "b", "name": "g", "response": {"y": [2]}}},
                {"functionResponse": {"id": "a", "name": "f", "response": {"output": "[1]"}}},
                {"text": "and?"},
            ],
        },
    ]


def test_a_result_has_the_name_of_the_latest_call_with_its_id() -> None:
    turns = sent(
        ChatMessage("assistant", "", tool_calls=[ToolCall("call_0", "f", "{}")]),
        ChatMessage("tool", "1", tool_call_id="call_0"),
        ChatMessage("assistant", "", tool_calls=[ToolCall("call_0", "g", "{}")]),
        ChatMessage("tool", "2", tool_call_id="call_0"),
    )
    results = [part["functionResponse"]["name"] for turn in turns if turn["role"] == "user" for part in turn["parts"]]
    assert results == ["f", "g"]


@pytest.mark.parametrize(
    ("model", "is_signed"),
    [("gemini-2.5-flash", False), ("gemini-1.5-pro", False), ("gemma-3-27b-it", False)]
    + [(model, True) for model in ("gemini-3-flash-preview", "gemini-4-argon", "gemini-flash-latest", "gemini-12-x")],
)
def test_a_call_is_sent_with_a_signature_to_the_models_that_want_one(model: str, is_signed: bool) -> None:
    turns = sent(
        ChatMessage("assistant", "", tool_calls=[ToolCall("a", "f", "{}")]),
        ChatMessage("tool", "1", tool_call_id="a"),
        model=model,
    )
    assert ("thoughtSignature" in turns[0]["parts"][0]) is is_signed


def test_tools_are_sent_with_their_schema_as_it_is() -> None:
    schema = msgspec.Raw(b'{"type":"object","properties":{"x":{"$ref":"#/$defs/y"}}}')
    assert body(ProviderRequest(MODEL, [], tools=[Tool("f", "does f", schema), Tool("g")]))["tools"] == [
        {
            "functionDeclarations": [
                {"name": "f", "description": "does f", "parametersJsonSchema": json.loads(bytes(schema))},
                {"name": "g", "description": "", "parametersJsonSchema": {"type": "object", "properties": {}}},
            ]
        }
    ]


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (ChatMessage("user", [LINK]), "data: URL"),
        (ChatMessage("user", [msgspec.Raw(b'{"type":"input_audio","input_audio":{"data":"AA"}}')]), "input_audio"),
        (ChatMessage("user", [msgspec.Raw(b'{"type":"file","file":{"file_id":"x"}}')]), "file"),
        (ChatMessage("system", [PNG]), "system"),
        (ChatMessage("function", "1"), "function"),
        (ChatMessage("tool", "1"), "which earlier call"),
        (ChatMessage("tool", "1", tool_call_id="unknown"), "which earlier call"),
        (ChatMessage("assistant", "", tool_calls=[ToolCall("a", "", "{}")]), "of which one"),
        (ChatMessage("assistant", "", tool_calls=[ToolCall("a", "f", "[1]")]), "'f'"),
    ],
)
def test_what_the_format_cannot_say_is_refused_by_its_name(message: ChatMessage, named: str) -> None:
    with pytest.raises(RequestRefused) as caught:
        encode_request(ProviderRequest(MODEL, [message, ChatMessage("user", "go on")]))
    assert named in caught.value.detail


def test_an_image_among_the_results_of_a_tool_is_refused() -> None:
    messages = [
        ChatMessage("assistant", "", tool_calls=[ToolCall("a", "f", "{}")]),
        ChatMessage("tool", [PNG], tool_call_id="a"),
    ]
    with pytest.raises(RequestRefused, match="tool"):
        encode_request(ProviderRequest(MODEL, messages))


def test_no_model_is_asked_to_go_on_with_a_reply() -> None:
    messages = [ChatMessage("user", "hi"), ChatMessage("assistant", "The sun")]
    with pytest.raises(RequestRefused, match="go on"):
        encode_request(ProviderRequest(MODEL, messages))


@pytest.mark.parametrize("model", ["gemini-3.8-flash", "models/gemini-3.8-flash"])
def test_a_model_is_asked_at_its_own_path(model: str) -> None:
    assert path_of(model) == "/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse"


@pytest.mark.parametrize(
    "model",
    [
        *("", ".", "..", "../files", "a/b", "tunedModels/a", "models/models/a", "a" * 129),
        *("a:predict", "a?key=1", "a#b", "a%2f..", "a b", "a\n", "a\\b", "é", "@evil.example", "//evil.example/x"),
    ],
)
def test_a_name_that_would_be_another_path_is_no_model(model: str) -> None:
    with pytest.raises(ModelNotFound):
        path_of(model)


@pytest.mark.parametrize(
    "candidate",
    [
        b'{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}',
        b'{"finishReason":"MALFORMED_FUNCTION_CALL"}',
        b'{"finishReason":"OTHER","finishMessage":"m"}',
    ],
)
def test_a_reply_that_its_request_has_spoilt_is_no_failure_of_the_service(candidate: bytes) -> None:
    reply = ReplyDecoder()
    with pytest.raises(StreamBroken) as caught:
        reply.end() if reply.feed(b'{"candidates":[%s]}' % candidate) == [] else None
    assert type(stream_failure("x", caught.value.complaint, None)) is RequestRefused


def fed(*arguments: str) -> None:
    """Take calls with these arguments, one a chunk."""
    reply = ReplyDecoder()
    for text in arguments:
        part = {"functionCall": {"name": "f", "args": {"x": text}}}
        reply.feed(json.dumps({"candidates": [{"content": {"parts": [part]}}]}).encode())


def test_more_calls_than_are_taken_end_the_reply() -> None:
    fed(*[""] * MAX_CALLS)
    with pytest.raises(StreamBroken, match=str(MAX_CALLS)):
        fed(*[""] * (MAX_CALLS + 1))


def test_longer_arguments_than_are_taken_end_the_reply() -> None:
    with pytest.raises(StreamBroken, match=str(MAX_CHARS)):
        fed(*["x" * (MAX_CHARS // 2)] * 3)


IMPOSSIBLE = [b"9" * 400, b"9" * 5000, b"-1", b"9007199254740992", b"1e999", b"1.5", b'"many"', b"[]", b"{}"]


@pytest.mark.parametrize("number", IMPOSSIBLE, ids=lambda number: number[:16].decode())
@pytest.mark.parametrize("field", ["promptTokenCount", "candidatesTokenCount", "thoughtsTokenCount"])
def test_a_count_that_cannot_be_costs_the_usage_and_not_the_reply(number: bytes, field: str) -> None:
    counts = b'"promptTokenCount":1,"%s":%s' % (field.encode(), number)
    reply = ReplyDecoder()
    events = reply.feed(
        b'{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}],"usageMetadata":{%s}}' % counts
    )
    assert [*events, *reply.end()] == [Delta("a"), Finish("stop")]
