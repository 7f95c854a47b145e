import msgspec

from chatkeep.chat.ports import ChatMessage, ProviderRequest
from chatkeep.providers import ollama_wire, openai_wire
from chatkeep.providers.openai_wire import USUAL, Quirks

PARTS = [
    msgspec.Raw(b'{"type":"text","text":"what is this?"}'),
    msgspec.Raw(b'{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}'),
]
CALL = msgspec.Raw(b'{"id":"call_1","type":"function","function":{"name":"f","arguments":"{\\"x\\":1}"}}')


def openai_body(request: ProviderRequest, quirks: Quirks = USUAL) -> object:
    return msgspec.json.decode(openai_wire.encode_request(request, quirks))


def ollama_body(request: ProviderRequest) -> object:
    return msgspec.json.decode(ollama_wire.encode_request(request))


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


def test_ollama_gets_options_only_when_there_are_some() -> None:
    assert ollama_body(ProviderRequest("m", [ChatMessage("developer", "hi")])) == {
        "model": "m",
        "messages": [{"role": "system", "content": "hi"}],
        "stream": True,
    }
    body = ollama_body(ProviderRequest("m", [], temperature=0.0, max_tokens=5))
    assert isinstance(body, dict)
    assert body["options"] == {"temperature": 0.0, "num_predict": 5}


def test_ollama_gets_images_apart_and_arguments_as_objects() -> None:
    messages = [
        ChatMessage("user", PARTS),
        ChatMessage("assistant", "", tool_calls=[CALL]),
        ChatMessage("tool", "1", tool_call_id="call_1"),
    ]
    body = ollama_body(ProviderRequest("m", messages))
    assert isinstance(body, dict)
    assert body["messages"] == [
        {"role": "user", "content": "what is this?", "images": ["AAAA"]},
        {"role": "assistant", "content": "", "tool_calls": [{"function": {"name": "f", "arguments": {"x": 1}}}]},
        {"role": "tool", "content": "1", "tool_call_id": "call_1"},
    ]


def test_ollamas_own_window_setting_wins_over_the_models_length() -> None:
    answer = b'{"parameters":"stop \\"x\\"\\nnum_ctx 2048","model_info":{"llama.context_length":131072}}'
    assert ollama_wire.decode_context_tokens(answer) == 2048
    assert ollama_wire.decode_context_tokens(b'{"model_info":{"llama.context_length":131072}}') == 131072
    assert ollama_wire.decode_context_tokens(b"{}") is None
