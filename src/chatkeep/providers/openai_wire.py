"""The bytes of OpenAI's chat completions: requests out, chunks in. Pure; calls are made in openai.py.

Format: OpenAI API reference, "Chat". Each deviation that is tolerated names a service that has it.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from chatkeep.chat.events import Delta, Finish, ProviderEvent, Reasoning, UsageReport
from chatkeep.chat.model import ToolCall, Usage
from chatkeep.chat.ports import ChatMessage, ProviderRequest
from chatkeep.providers.failures import StreamBroken, describe
from chatkeep.providers.tokens import TokenCount


class Quirks(msgspec.Struct, frozen=True):
    """How a service deviates from what most of them take. `temperature` is the one sent when a request has none."""

    stream_options: bool = True
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: float | None = None


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool


class _Request(msgspec.Struct, frozen=True):
    model: str
    messages: list[ChatMessage]
    stream: bool
    stream_options: _StreamOptions | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    max_tokens: int | UnsetType = UNSET
    max_completion_tokens: int | UnsetType = UNSET


_WITH_USAGE = _StreamOptions(include_usage=True)
_encoder = msgspec.json.Encoder()

USUAL = Quirks()


def encode_request(request: ProviderRequest, quirks: Quirks) -> bytes:
    """The body of a call that streams; what the request leaves open is left out."""
    temperature = quirks.temperature if request.temperature is None else request.temperature
    limit: int | UnsetType = UNSET if request.max_tokens is None else request.max_tokens
    old_name = quirks.max_tokens_field == "max_tokens"
    return _encoder.encode(
        _Request(
            model=request.model,
            messages=request.messages,
            stream=True,
            stream_options=_WITH_USAGE if quirks.stream_options else UNSET,
            temperature=UNSET if temperature is None else temperature,
            max_tokens=limit if old_name else UNSET,
            max_completion_tokens=UNSET if old_name else limit,
        )
    )


class _Part(msgspec.Struct, frozen=True, gc=False):
    """Mistral's reasoning models send content as parts, thoughts as parts of a part."""

    type: str = "text"
    text: str = ""
    thinking: list["_Part"] = []


class _Function(msgspec.Struct, frozen=True, gc=False):
    name: str | None = None
    arguments: str | dict[str, msgspec.Raw] | None = None  # an object: llama.cpp and Ollama of 2024


class _ToolDelta(msgspec.Struct, frozen=True, gc=False):
    index: int | None = None  # missing in Gemini's
    id: str | None = None
    function: _Function | None = None


class _Delta(msgspec.Struct, frozen=True, gc=False):
    content: str | list[_Part] | None = None
    reasoning_content: str | None = None  # DeepSeek, vLLM, llama.cpp, xAI
    reasoning: str | None = None  # OpenRouter, Groq, newer vLLM
    refusal: str | None = None
    tool_calls: list[_ToolDelta] | None = None


class _Choice(msgspec.Struct, frozen=True, gc=False):
    delta: _Delta | None = None
    finish_reason: str | None = None


_NULL = msgspec.Raw(b"null")


class _Usage(msgspec.Struct, frozen=True, gc=False):
    prompt_tokens: TokenCount | None = None
    completion_tokens: TokenCount | None = None
    total_tokens: TokenCount | None = None


class _Chunk(msgspec.Struct, frozen=True, gc=False):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = _NULL  # decoded apart: a wrong one must not cost the reply
    error: msgspec.Raw | UnsetType = UNSET


_decoder = msgspec.json.Decoder(_Chunk, strict=False)
_usage_decoder = msgspec.json.Decoder(_Usage | None, strict=False)

_REASONS = {
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",  # Mistral
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "safety": "content_filter",  # Gemini
    "recitation": "content_filter",
}  # all others mean that the model was done: stop, eos, end_turn …


class ReplyDecoder:
    """Turn the chunks of one reply into events: text at once; tool calls, usage and `Finish` at the end."""

    def __init__(self) -> None:
        self.is_done = False  # [DONE] was seen: nothing more comes
        self._reason: str | None = None
        self._usage = _NULL
        self._calls = _ToolCalls()

    def feed(self, data: bytes) -> list[ProviderEvent]:
        """The events of one chunk, without the ones kept for the end.

        Raises: StreamBroken for an error object; msgspec.MsgspecError or ValueError for what is no chunk.
        """
        if data == b"[DONE]":
            self.is_done = True
            return []
        chunk = _decoder.decode(data)
        if chunk.error is not UNSET and chunk.error != b"null":
            raise StreamBroken(describe(msgspec.json.decode(chunk.error)).message or "it reported an error")
        if chunk.usage != _NULL:
            self._usage = chunk.usage  # several send it with every chunk; the last is right
        if not chunk.choices:
            return []
        choice = chunk.choices[0]
        if choice.finish_reason:  # "" is sent by SGLang and Ollama with every chunk
            self._reason = choice.finish_reason.lower()
        return [] if choice.delta is None else self._content(choice.delta)

    def end(self) -> list[ProviderEvent]:
        """The events after the last chunk; `Finish` is the last. Raises: StreamBroken when the reply was cut."""
        if self._reason is None and not self.is_done:
            raise StreamBroken("the answer ended in the middle")
        if self._reason == "error":  # OpenRouter, Mistral
            raise StreamBroken("it stopped with an error")
        events: list[ProviderEvent] = [*self._calls.whole()]
        reason = "tool_calls" if events else _REASONS.get(self._reason or "stop", "stop")
        if usage := _usage_of(self._usage):
            events.append(UsageReport(usage))
        events.append(Finish(reason))
        return events

    def _content(self, delta: _Delta) -> list[ProviderEvent]:
        events: list[ProviderEvent] = []
        if thought := delta.reasoning_content or delta.reasoning:
            events.append(Reasoning(thought))
        if isinstance(delta.content, list):
            events += _of_parts(delta.content)
        elif text := delta.content or delta.refusal:
            events.append(Delta(text))
        if delta.tool_calls:
            self._calls.add(delta.tool_calls)
        return events


class _Call:
    """One tool call while its pieces come."""

    def __init__(self) -> None:
        self.id = ""
        self.name = ""
        self.arguments: list[str] = []

    def add(self, piece: _ToolDelta) -> None:
        self.id = self.id or piece.id or ""
        function = piece.function or _Function()
        self.name = self.name or function.name or ""
        if isinstance(function.arguments, dict):
            self.arguments.append(_encoder.encode(function.arguments).decode())
        elif function.arguments:
            self.arguments.append(function.arguments)


class _ToolCalls:
    """Join the pieces of tool calls. Which call a piece belongs to: its index says, else its id, else the last one."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    def add(self, pieces: list[_ToolDelta]) -> None:
        for piece in pieces:
            self._call_of(piece).add(piece)

    def whole(self) -> list[ToolCall]:
        return [
            ToolCall(call.id or f"call_{number}", call.name, "".join(call.arguments) or "{}")
            for number, call in enumerate(self._calls)
        ]

    def _call_of(self, piece: _ToolDelta) -> _Call:
        call = self._calls[-1] if self._calls else None
        if piece.index is not None:
            call = self._by_index.get(piece.index)
        # Why the id as well: Gemini gives parallel calls the same index, or none.
        if call is None or (piece.id and call.id and piece.id != call.id):
            call = _Call()
            self._calls.append(call)
            if piece.index is not None:
                self._by_index[piece.index] = call
        return call


def _of_parts(parts: list[_Part]) -> list[ProviderEvent]:
    events: list[ProviderEvent] = []
    for part in parts:
        if thought := "".join(inner.text for inner in part.thinking):
            events.append(Reasoning(thought))
        if part.text:
            events.append(Delta(part.text))
    return events


def _usage_of(raw: msgspec.Raw) -> Usage | None:
    """None when there is none, or one that cannot be."""
    try:
        usage = _usage_decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError):
        return None
    if usage is None or (usage.prompt_tokens is None and usage.completion_tokens is None):
        return None
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    return Usage(prompt, completion, usage.total_tokens or prompt + completion)


class ListedModel(msgspec.Struct, frozen=True):
    """The context window has a name of its own with each service that tells it."""

    id: str
    context_length: int | None = None  # OpenRouter, Together
    context_window: int | None = None  # Groq
    max_context_length: int | None = None  # Mistral, LM Studio
    max_model_len: int | None = None  # vLLM

    @property
    def context_tokens(self) -> int | None:
        """The context window, None when the service does not tell."""
        return self.context_length or self.context_window or self.max_context_length or self.max_model_len


class _ModelList(msgspec.Struct, frozen=True):
    data: list[ListedModel]


_list_decoder: msgspec.json.Decoder[_ModelList | list[ListedModel]] = msgspec.json.Decoder(
    _ModelList | list[ListedModel],  # Together sends a bare list
    strict=False,
)


def decode_models(answer: bytes) -> list[ListedModel]:
    """The models that GET /models lists, in its order. Raises: msgspec.MsgspecError, ValueError."""
    listed = _list_decoder.decode(answer)
    return listed.data if isinstance(listed, _ModelList) else listed
