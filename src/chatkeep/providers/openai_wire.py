"""The bytes of OpenAI's chat completions: requests out, chunks in. Pure; calls are made in openai.py.

Format: OpenAI API reference, "Chat". Each deviation that is tolerated names a service that has it.
"""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from chatkeep.chat.events import Delta, Finish, ProviderEvent, Reasoning, UsageReport
from chatkeep.chat.model import text_of
from chatkeep.chat.ports import ChatMessage, ProviderRequest, Tool
from chatkeep.providers.failures import NO_JSON, Complaint, StreamBroken, complaint_of, describe
from chatkeep.providers.openai_usage import decode_usage
from chatkeep.providers.tool_calls import ToolCalls


class Quirks(msgspec.Struct, frozen=True):
    """How a service deviates from what most of them take. `temperature` is the one sent when a request has none.

    `prefill` is how a last message of the assistant is said to be one to go on with: `plain` is by nothing, `prefix`
    by a field of the message, `continue_final_message` by fields of the request. "": the service does not go on.
    """

    stream_options: bool = True
    max_tokens_field: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: float | None = None
    prefill: Literal["", "plain", "prefix", "continue_final_message"] = ""


class _StreamOptions(msgspec.Struct, frozen=True):
    include_usage: bool


class _OutFunction(msgspec.Struct, frozen=True):
    name: str
    arguments: str


class _OutCall(msgspec.Struct, frozen=True):
    id: str
    function: _OutFunction
    type: str = "function"


class _OutMessage(msgspec.Struct, frozen=True):
    role: str
    content: str | list[msgspec.Raw]
    tool_calls: list[_OutCall] | UnsetType = UNSET
    tool_call_id: str | UnsetType = UNSET
    prefix: bool | UnsetType = UNSET


class _OutSignature(msgspec.Struct, frozen=True):
    name: str
    parameters: msgspec.Raw  # also when there are none: Mistral wants them
    description: str | UnsetType = UNSET


class _OutTool(msgspec.Struct, frozen=True):
    function: _OutSignature
    type: str = "function"


class _Request(msgspec.Struct, frozen=True):
    model: str
    messages: list[_OutMessage]
    stream: bool
    stream_options: _StreamOptions | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    max_tokens: int | UnsetType = UNSET
    max_completion_tokens: int | UnsetType = UNSET
    tools: list[_OutTool] | UnsetType = UNSET
    continue_final_message: bool | UnsetType = UNSET
    add_generation_prompt: bool | UnsetType = UNSET


_WITH_USAGE = _StreamOptions(include_usage=True)
_encoder = msgspec.json.Encoder()

_NO_CHANCE_CHARS = 32

USUAL = Quirks()


def encode_request(request: ProviderRequest, quirks: Quirks) -> bytes:
    """The body of a call that streams; what the request leaves open is left out."""
    temperature = quirks.temperature if request.temperature is None else request.temperature
    limit: int | UnsetType = UNSET if request.max_tokens is None else request.max_tokens
    old_name = quirks.max_tokens_field == "max_tokens"
    goes_on = request.is_prefilled and quirks.prefill == "continue_final_message"
    return _encoder.encode(
        _Request(
            model=request.model,
            messages=_messages(request, quirks),
            stream=True,
            stream_options=_WITH_USAGE if quirks.stream_options else UNSET,
            temperature=UNSET if temperature is None else temperature,
            max_tokens=limit if old_name else UNSET,
            max_completion_tokens=UNSET if old_name else limit,
            tools=[_out_tool(tool) for tool in request.tools] or UNSET,
            continue_final_message=True if goes_on else UNSET,
            add_generation_prompt=False if goes_on else UNSET,
        )
    )


def _messages(request: ProviderRequest, quirks: Quirks) -> list[_OutMessage]:
    messages = [_out(message) for message in request.messages]
    if request.is_prefilled and quirks.prefill == "prefix":
        messages[-1] = msgspec.structs.replace(messages[-1], prefix=True)
    return messages


def _out(message: ChatMessage) -> _OutMessage:
    calls = [_OutCall(call.id, _OutFunction(call.name, call.arguments)) for call in message.tool_calls]
    return _OutMessage(message.role, message.content, calls or UNSET, message.tool_call_id or UNSET)


def _out_tool(tool: Tool) -> _OutTool:
    return _OutTool(_OutSignature(tool.name, tool.parameters, tool.description or UNSET))


def repeated_in(request: ProviderRequest, quirks: Quirks) -> str:
    """What the service may say again before it goes on, "" when it does not: Mistral does (its docs, "Prefix").

    Others have no reason to, but it happens (lmstudio-bug-tracker #2041); only what is long is no chance then.
    """
    begun = text_of(request.messages[-1].content) if request.is_prefilled else ""
    return begun if quirks.prefill == "prefix" or len(begun) >= _NO_CHANCE_CHARS else ""


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


class _Chunk(msgspec.Struct, frozen=True, gc=False):
    choices: list[_Choice] | None = None
    usage: msgspec.Raw = _NULL  # decoded apart: a wrong one must not cost the reply
    error: msgspec.Raw | UnsetType = UNSET


_decoder = msgspec.json.Decoder(_Chunk, strict=False)

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
_FAILED = {
    "error": Complaint("it stopped with an error"),  # OpenRouter, Mistral
    "abort": Complaint("it gave the reply up"),  # vLLM, SGLang
    "insufficient_system_resource": Complaint("it had no resources to go on", ("unavailable",)),  # DeepSeek
}


class ReplyDecoder:
    """Turn the chunks of one reply into events: text at once; tool calls, usage and `Finish` at the end.

    `begun` is the text that the service goes on with; when it says that again first, that is left out.
    """

    def __init__(self, begun: str = "") -> None:
        self.is_done = False  # [DONE] was seen: nothing more comes
        self._reason: str | None = None
        self._usage = _NULL
        self._calls = ToolCalls()
        self._begun = begun
        self._heard = ""  # of what is begun, while it may still be its repetition

    def feed(self, data: bytes) -> list[ProviderEvent]:
        """The events of one chunk, without the ones kept for the end.

        Raises: StreamBroken for an error or too much; msgspec.MsgspecError or ValueError for what is no chunk.
        """
        if data == b"[DONE]":
            self.is_done = True
            return []
        chunk = _decoder.decode(data)
        if chunk.error is not UNSET and chunk.error != b"null":
            raise StreamBroken(describe(msgspec.json.decode(chunk.error)))
        if chunk.usage != _NULL:
            self._usage = chunk.usage  # several send it with every chunk; the last is right
        if not chunk.choices:
            if chunk.choices is None and (complaint := complaint_of(data)).message:
                raise StreamBroken(complaint)  # Mistral's and older vLLMs' errors have no `error` around them
            return []
        choice = chunk.choices[0]
        if choice.finish_reason:  # "" is sent by SGLang and Ollama with every chunk
            self._reason = choice.finish_reason.lower()
        return [] if choice.delta is None else self._content(choice.delta)

    def end(self) -> list[ProviderEvent]:
        """The events after the last chunk; `Finish` is the last. Raises: StreamBroken when the reply was cut."""
        if self._reason is None and not self.is_done:
            raise StreamBroken("the answer ended in the middle")
        if self._reason in _FAILED:
            raise StreamBroken(_FAILED[self._reason])
        events: list[ProviderEvent] = [Delta(self._heard)] if self._heard else []
        events += self._calls.whole()
        if usage := decode_usage(self._usage):
            events.append(UsageReport(usage))
        reason = _REASONS.get(self._reason or "stop", "stop")
        events.append(Finish("tool_calls" if self._calls and reason == "stop" else reason))
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
            self._call(delta.tool_calls)
        return self._unrepeated(events) if self._begun else events

    def _call(self, pieces: list[_ToolDelta]) -> None:
        for piece in pieces:
            function = piece.function or _Function()
            arguments = function.arguments or ""
            if isinstance(arguments, dict):
                arguments = _encoder.encode(arguments).decode()
            self._calls.add_piece(piece.index, piece.id or "", function.name or "", arguments)

    def _unrepeated(self, events: list[ProviderEvent]) -> list[ProviderEvent]:
        """`events` without the text that was begun, which is held back until it is sure what it is."""
        kept: list[ProviderEvent] = [event for event in events if not isinstance(event, Delta)]
        self._heard += "".join(event.text for event in events if isinstance(event, Delta))
        if self._begun.startswith(self._heard) and self._heard != self._begun:
            return kept
        if rest := self._heard.removeprefix(self._begun):
            kept.append(Delta(rest))
        self._begun = self._heard = ""
        return kept


def _of_parts(parts: list[_Part]) -> list[ProviderEvent]:
    events: list[ProviderEvent] = []
    for part in parts:
        if thought := "".join(inner.text for inner in part.thinking):
            events.append(Reasoning(thought))
        if part.text:
            events.append(Delta(part.text))
    return events


class _Architecture(msgspec.Struct, frozen=True):
    """OpenRouter's, and llama.cpp's with several models."""

    input_modalities: list[str]


class _Capabilities(msgspec.Struct, frozen=True):
    """Mistral's."""

    vision: bool


class ListedModel(msgspec.Struct, frozen=True):
    """The context window has a name of its own with each service that tells it."""

    name: str = msgspec.field(name="id")
    context_length: int | None = None  # OpenRouter, Together
    context_window: int | None = None  # Groq
    max_context_length: int | None = None  # Mistral, LM Studio
    max_model_len: int | None = None  # vLLM
    architecture: msgspec.Raw = _NULL  # these two decoded apart: services put other things there, too
    capabilities: msgspec.Raw = _NULL

    @property
    def id(self) -> str:
        """Its name without what Gemini puts before it."""
        return self.name.removeprefix("models/")

    @property
    def context_tokens(self) -> int | None:
        """The context window, None when the service does not tell."""
        return self.context_length or self.context_window or self.max_context_length or self.max_model_len

    @property
    def can_see(self) -> bool | None:
        """Whether it takes images, None when the service does not tell."""
        try:
            modalities = msgspec.json.decode(self.architecture, type=_Architecture | None)
            if modalities is not None:
                return "image" in modalities.input_modalities
            abilities = msgspec.json.decode(self.capabilities, type=_Capabilities | None)
        except NO_JSON:
            return None
        return None if abilities is None else abilities.vision


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
