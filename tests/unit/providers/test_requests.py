import msgspec
import pytest

from chatkeep.chat.model import ToolCall
from chatkeep.chat.ports import ChatMessage, ProviderRequest, Tool
from chatkeep.providers import ollama_wire, openai_wire
from chatkeep.providers.failures import RequestRefused
from chatkeep.providers.openai_wire import USUAL, Quirks

PARTS = [
    msgspec.Raw(b'{"type":"text","text":"what is this?"}'),
    msgspec.Raw(b'{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}'),
]
CALL = ToolCall("call_1", "f", '{"x":1}')
TOOLS = [
    Tool("f", "Does f.", msgspec.Raw(b'{"type":"object","properties":{"x":{"type":"integer"}},"required":["x"]}')),
    Tool("now"),
]
BEGUN = [ChatMessage("user", "hi"), ChatMessage("assistant", "Once")]


def openai_body(request: ProviderRequest, quirks: Quirks = USUAL) -> object:
    return msgspec.json.decode(openai_wire.encode_request(request, quirks))


def ollama_body(request: ProviderRequest, context_tokens: int | None = None) -> object:
    return msgspec.json.decode(ollama_wire.encode_request(request, context_tokens))


def test_openai_gets_only_what_the_request_says() -> None:
    assert openai_body(ProviderRequest("m", [ChatMessage("user", "hi")])) == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_openai_gets_zero_as_a_temperature() -> None:
    body = openai_body(ProviderRequest("m", [], temperature=0.0, max_tokens=5), Quirks(temperature=0.2))
    assert isinstance(body, dict)
    assert (body["temperature"], body["max_tokens"]) == (0.0, 5)


def test_a_service_gets_the_fields_of_its_quirks() -> None:
    quirks = Quirks(stream_options=False, max_tokens_field="max_completion_tokens", temperature=0.2)
    assert openai_body(ProviderRequest("m", [], max_tokens=5), quirks) == {
        "model": "m",
        "messages": [],
        "stream": True,
        "temperature": 0.2,
        "max_completion_tokens": 5,
    }


def test_openai_gets_parts_and_tool_calls_as_they_are() -> None:
    messages = [
        ChatMessage("user", PARTS),
        ChatMessage("assistant", "", tool_calls=[CALL]),
        ChatMessage("tool", "1", tool_call_id="call_1"),
    ]
    body = openai_body(ProviderRequest("m", messages))
    assert isinstance(body, dict)
    assert body["messages"][0]["content"][1]["image_url"] == {"url": "data:image/png;base64,AAAA"}
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"x":1}'
    assert body["messages"][2] == {"role": "tool", "content": "1", "tool_call_id": "call_1"}


def test_openai_gets_tools_with_the_schema_of_their_arguments() -> None:
    body = openai_body(ProviderRequest("m", [ChatMessage("user", "hi")], tools=TOOLS))
    assert isinstance(body, dict)
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    assert body["tools"] == [
        {"type": "function", "function": {"name": "f", "description": "Does f.", "parameters": schema}},
        {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
    ]


def test_openai_gets_arguments_as_the_model_wrote_them_also_when_they_are_no_json() -> None:
    broken = ToolCall("call_1", "f", '{"x":')
    body = openai_body(ProviderRequest("m", [ChatMessage("assistant", "", tool_calls=[broken]), BEGUN[0]]))
    assert isinstance(body, dict)
    assert body["messages"][0]["tool_calls"][0]["function"]["arguments"] == '{"x":'


def test_a_reply_to_go_on_with_is_marked_as_each_service_wants_it() -> None:
    plain = {"role": "assistant", "content": "Once"}
    fields = {"continue_final_message": True, "add_generation_prompt": False}
    for quirks, last, more in (
        (Quirks(prefill="plain"), plain, {}),
        (Quirks(prefill="prefix"), {**plain, "prefix": True}, {}),
        (Quirks(prefill="continue_final_message"), plain, fields),
    ):
        body = openai_body(ProviderRequest("m", BEGUN), quirks)
        assert isinstance(body, dict)
        assert body["messages"] == [{"role": "user", "content": "hi"}, last]
        assert {name: body[name] for name in fields if name in body} == more


def test_what_is_not_to_go_on_is_not_marked() -> None:
    for prefill in ("prefix", "continue_final_message"):
        request = ProviderRequest("m", [*BEGUN, ChatMessage("user", "and?")])
        assert openai_body(request, Quirks(prefill=prefill)) == openai_body(request)


def test_ollama_gets_options_only_when_there_are_some() -> None:
    assert ollama_body(ProviderRequest("m", [ChatMessage("developer", "hi")])) == {
        "model": "m",
        "messages": [{"role": "system", "content": "hi"}],
        "stream": True,
    }
    body = ollama_body(ProviderRequest("m", [], temperature=0.0, max_tokens=5))
    assert isinstance(body, dict)
    assert body["options"] == {"temperature": 0.0, "num_predict": 5}
    body = ollama_body(ProviderRequest("m", []), 8192)
    assert isinstance(body, dict)
    assert body["options"] == {"num_ctx": 8192}


def test_ollama_gets_images_apart_and_arguments_as_objects() -> None:
    messages = [
        ChatMessage("user", PARTS),
        ChatMessage("assistant", "", tool_calls=[CALL]),
        ChatMessage("tool", "1", tool_call_id="call_1"),
        ChatMessage("tool", "2", tool_call_id="call_0"),
    ]
    body = ollama_body(ProviderRequest("m", messages))
    assert isinstance(body, dict)
    call = {"id": "call_1", "function": {"name": "f", "arguments": {"x": 1}}}
    assert body["messages"] == [
        {"role": "user", "content": "what is this?", "images": ["AAAA"]},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "1", "tool_call_id": "call_1", "tool_name": "f"},
        {"role": "tool", "content": "2", "tool_call_id": "call_0"},
    ]


def test_ollama_gets_tools_with_the_schema_of_their_arguments() -> None:
    body = ollama_body(ProviderRequest("m", [ChatMessage("user", "hi")], tools=TOOLS[1:]))
    assert isinstance(body, dict)
    function = {"name": "now", "description": "", "parameters": {"type": "object", "properties": {}}}
    assert body["tools"] == [{"type": "function", "function": function}]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        (ChatMessage("user", [msgspec.Raw(b'{"type":"image_url","image_url":{"url":"https://a/b.png"}}')]), "address"),
        (ChatMessage("user", [msgspec.Raw(b'{"type":"input_audio","input_audio":{"data":"AAAA"}}')]), "input_audio"),
        (ChatMessage("assistant", "", tool_calls=[ToolCall("call_1", "f", '{"x":')]), "no JSON object"),
        (ChatMessage("assistant", "", tool_calls=[ToolCall("call_1", "f", "[1]")]), "no JSON object"),
    ],
)
def test_what_ollama_cannot_take_is_refused_and_says_what(message: ChatMessage, says: str) -> None:
    with pytest.raises(RequestRefused, match=says):
        ollama_body(ProviderRequest("m", [message]))


def test_ollama_gets_the_text_of_parts_as_everybody_reads_it() -> None:
    image = msgspec.Raw(b'{"type":"image_url","text":null,"image_url":{"url":"data:image/png;base64,BBBB"}}')
    body = ollama_body(ProviderRequest("m", [ChatMessage("user", [*PARTS, image])]))
    assert isinstance(body, dict)
    assert body["messages"] == [{"role": "user", "content": "what is this?", "images": ["AAAA", "BBBB"]}]


@pytest.mark.parametrize(
    ("answer", "window"),
    [
        (b'{"parameters":"stop \\"x\\"\\nnum_ctx   2048","model_info":{"llama.context_length":131072}}', 2048),
        (b'{"parameters":"num_ctx 32768","model_info":{"llama.context_length":131072}}', 32768),
        (b'{"parameters":"num_ctx 32768","model_info":{"llama.context_length":4096}}', 4096),
        (b'{"parameters":"num_ctx 0","model_info":{"llama.context_length":131072}}', 8192),
        (b'{"model_info":{"llama.context_length":131072}}', 8192),
        (b'{"model_info":{"llama.context_length":2048}}', 2048),
        (b"{}", 8192),
    ],
)
def test_the_window_asked_of_ollama_is_its_own_setting_else_ours_and_never_above_the_models(
    answer: bytes, window: int
) -> None:
    assert ollama_wire.decode_show(answer).context_tokens == window


@pytest.mark.parametrize("number", ["9" * 400, "9" * 5000, "-1", "\u00b2"])
def test_a_window_that_cannot_be_is_an_error_that_the_caller_knows(number: str) -> None:
    shown = {"parameters": f"num_ctx {number}", "model_info": {}}
    with pytest.raises(msgspec.MsgspecError):
        ollama_wire.decode_show(msgspec.json.encode(shown))


@pytest.mark.parametrize(
    ("answer", "sees"),
    [
        (b'{"capabilities":["completion","vision"]}', True),
        (b'{"capabilities":["completion","tools"]}', False),
        (b"{}", None),
    ],
)
def test_ollama_tells_whether_a_model_takes_images_since_it_lists_capabilities(
    answer: bytes, sees: bool | None
) -> None:
    assert ollama_wire.decode_show(answer).can_see is sees


@pytest.mark.parametrize(
    ("told", "sees"),
    [
        ({"architecture": {"input_modalities": ["text", "image"]}}, True),
        ({"architecture": {"input_modalities": ["text"]}, "capabilities": {"vision": True}}, False),
        ({"capabilities": {"vision": True}}, True),
        ({"capabilities": {"vision": False}}, False),
        ({"capabilities": ["vision"]}, None),
        ({"architecture": "transformer"}, None),
        ({"architecture": None, "capabilities": None}, None),
        ({}, None),
    ],
)
def test_a_service_tells_whether_a_model_takes_images_in_one_of_two_forms_or_not_at_all(
    told: dict[str, object], sees: bool | None
) -> None:
    listed = msgspec.json.encode({"data": [{"id": "gpt-4o-vision", **told}]})
    assert [model.can_see for model in openai_wire.decode_models(listed)] == [sees]
