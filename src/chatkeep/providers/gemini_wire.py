"""The bytes of Gemini's streamGenerateContent: requests out, chunks in. Pure; calls are made in gemini.py.

Format: Gemini API reference, "Generating content"; the names of fields and values are those of its Python SDK, 3.4.
What the format cannot say is refused, never left out.
"""

import re

import msgspec
from msgspec import UNSET, UnsetType

from chatkeep.chat.events import Delta, Finish, ProviderEvent, Reasoning, UsageReport
from chatkeep.chat.model import ToolCall, Usage
from chatkeep.chat.ports import ChatMessage, ProviderRequest, Tool
from chatkeep.errors import ModelNotFound
from chatkeep.providers.failures import RequestRefused, StreamBroken, describe, not_taken
from chatkeep.providers.parts import Image, ImageLink, Part, Text, arguments_of, is_object, parts_of, texts_of
from chatkeep.providers.tokens import TokenCount
from chatkeep.providers.tool_calls import ToolCalls

VERSION_PATH = "/v1beta"

_PREFIX = "models/"
_MODEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")

# Why: from 3 on, a call of a tool is refused without the signature that came with it, which a stored chat does not
# keep. This one stands for those that are lost: Gemini API, "Thought signatures", "FAQs".
_SIGNATURE = "skip_thought_signature_validator"
_WITHOUT_SIGNATURES = re.compile(r"gemini-[12]\b|gemma")


def headers(api_key: str | None) -> dict[str, str]:
    """What every call carries. The key is never in an address, which gets into logs."""
    return {} if api_key is None else {"x-goog-api-key": api_key}


def path_of(model: str) -> str:
    """Where `model` is asked. Raises: ModelNotFound for what is no model's name, and would be a path of its own."""
    name = model.removeprefix(_PREFIX)
    if not _MODEL.fullmatch(name):
        raise ModelNotFound(f"{model!r} is not the name of a model of Gemini.")
    return f"{VERSION_PATH}/models/{name}:streamGenerateContent?alt=sse"


class ListedModel(msgspec.Struct, frozen=True, rename="camel"):
    """What the service tells of a model. `thinking`: it thinks before it answers."""

    name: str
    context_tokens: TokenCount | None = msgspec.field(name="inputTokenLimit", default=None)
    supported_generation_methods: list[str] = []
    thinking: bool = False

    @property
    def id(self) -> str:
        """Its name without `models/`."""
        return self.name.removeprefix(_PREFIX)

    @property
    def answers(self) -> bool:
        """Whether it is one to chat with: others embed, or make videos."""
        return "generateContent" in self.supported_generation_methods


class _ModelPage(msgspec.Struct, frozen=True, rename="camel"):
    """A page of GET /v1beta/models."""

    models: list[ListedModel] = []
    next_page_token: str | None = None


def decode_models(answer: bytes) -> tuple[list[ListedModel], str | None]:
    """Those of a page that answer, in the service's order, and where the next one begins.

    Raises: msgspec.MsgspecError, ValueError.
    """
    page = msgspec.json.decode(answer, type=_ModelPage)
    return [model for model in page.models if model.answers], page.next_page_token


class _OutText(msgspec.Struct, frozen=True):
    text: str


class _Blob(msgspec.Struct, frozen=True, rename="camel"):
    mime_type: str
    data: str


class _OutImage(msgspec.Struct, frozen=True, rename="camel"):
    inline_data: _Blob


class _OutCall(msgspec.Struct, frozen=True):
    id: str
    name: str
    args: msgspec.Raw


class _OutCallPart(msgspec.Struct, frozen=True, rename="camel"):
    function_call: _OutCall
    thought_signature: str | UnsetType = UNSET


class _OutResponse(msgspec.Struct, frozen=True):
    id: str
    name: str
    response: msgspec.Raw


class _OutResponsePart(msgspec.Struct, frozen=True, rename="camel"):
    function_response: _OutResponse


_OutPart = _OutText | _OutImage | _OutCallPart | _OutResponsePart


class _OutContent(msgspec.Struct, frozen=True):
    role: str
    parts: list[_OutPart]


class _System(msgspec.Struct, frozen=True):
    parts: list[_OutText]


class _OutFunction(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    description: str
    parameters_json_schema: msgspec.Raw


class _OutTools(msgspec.Struct, frozen=True, rename="camel"):
    function_declarations: list[_OutFunction]


class _ThinkingConfig(msgspec.Struct, frozen=True, rename="camel"):
    include_thoughts: bool


class _Config(msgspec.Struct, frozen=True, rename="camel"):
    temperature: float | UnsetType = UNSET
    max_output_tokens: int | UnsetType = UNSET
    thinking_config: _ThinkingConfig | UnsetType = UNSET


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    contents: list[_OutContent]
    system_instruction: _System | UnsetType = UNSET
    generation_config: _Config | UnsetType = UNSET
    tools: list[_OutTools] | UnsetType = UNSET


_encoder = msgspec.json.Encoder()

_THINK_ALOUD = _ThinkingConfig(include_thoughts=True)


def encode_request(request: ProviderRequest, listed: ListedModel | None = None) -> bytes:
    """The body of a call. `listed` is what the service told of the model. What the request leaves open is left out.

    Raises: RequestRefused for what the format cannot say.
    """
    if request.is_prefilled:
        raise RequestRefused("Gemini does not go on with a reply that was begun.")
    config = _Config(
        temperature=UNSET if request.temperature is None else request.temperature,
        max_output_tokens=UNSET if request.max_tokens is None else request.max_tokens,
        thinking_config=_THINK_ALOUD if listed is not None and listed.thinking else UNSET,
    )
    system = [_OutText(text) for message in request.messages if _is_system(message) for text in texts_of(message)]
    return _encoder.encode(
        _Request(
            contents=_contents(request),
            system_instruction=_System(system) if system else UNSET,
            generation_config=UNSET if config == _Config() else config,
            tools=[_OutTools([_out_function(tool) for tool in request.tools])] if request.tools else UNSET,
        )
    )


def _is_system(message: ChatMessage) -> bool:
    return message.role in ("system", "developer")


def _contents(request: ProviderRequest) -> list[_OutContent]:
    """All but the system's, in turns; the results of tools are the user's, all those of a turn in one content."""
    signature: str | UnsetType = UNSET if _WITHOUT_SIGNATURES.search(request.model) else _SIGNATURE
    names: dict[str, str] = {}
    turns: list[_OutContent] = []
    for message in request.messages:
        if _is_system(message):
            continue
        role, parts = ("model" if message.role == "assistant" else "user"), _parts(message, names, signature)
        if turns and turns[-1].role == role:
            turns[-1].parts.extend(parts)
        elif parts:  # Why: a content without parts is refused, and an empty reply is none.
            turns.append(_OutContent(role, parts))
    return turns


def _parts(message: ChatMessage, names: dict[str, str], signature: str | UnsetType) -> list[_OutPart]:
    """`names` are the functions called so far, by the calls' ids: a result is sent with its function's name."""
    match message.role:
        case "user":
            return [_out_part(part) for part in parts_of(message)]
        case "assistant":
            names.update((call.id, call.name) for call in message.tool_calls)
            said: list[_OutPart] = [_out_part(part) for part in parts_of(message)]
            # Why only the first: of parallel calls, the others come without one.
            signatures = [signature] + [UNSET] * len(message.tool_calls)
            return [*said, *map(_out_call, message.tool_calls, signatures)]
        case "tool":
            return [_OutResponsePart(_out_response(message, names))]
        case _:
            raise RequestRefused(f"A message has the role {message.role!r}, which this provider does not know.")


def _out_part(part: Part) -> _OutText | _OutImage:
    match part:
        case Text(text=text):
            return _OutText(text)
        case Image(media_type=media_type, data=data):
            return _OutImage(_Blob(media_type, data))
        case ImageLink():
            raise RequestRefused("Gemini takes an image as a data: URL only: it does not fetch addresses, nor do we.")


def _out_call(call: ToolCall, signature: str | UnsetType) -> _OutCallPart:
    if not call.name:
        raise RequestRefused("An earlier call of a tool does not say of which one.")
    return _OutCallPart(_OutCall(call.id, call.name, arguments_of(call)), signature)


def _out_response(message: ChatMessage, names: dict[str, str]) -> _OutResponse:
    """The result of a tool, which must be an object: any other text is its `output`, the name that the SDK gives."""
    if message.tool_call_id not in names:
        raise RequestRefused("The result of a tool does not say which earlier call it answers.")
    text = "\n".join(texts_of(message))
    response = text.encode() if is_object(text) else _encoder.encode({"output": text})
    return _OutResponse(message.tool_call_id, names[message.tool_call_id], msgspec.Raw(response))


def _out_function(tool: Tool) -> _OutFunction:
    return _OutFunction(tool.name, tool.description, tool.parameters)


_NULL = msgspec.Raw(b"null")


class _Call(msgspec.Struct, frozen=True, gc=False):
    id: str | None = None  # from 3 on
    name: str = ""
    args: msgspec.Raw = _NULL


class _Part(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    text: str | None = None
    thought: bool = False
    function_call: _Call | None = None
    inline_data: msgspec.Raw = _NULL


class _Content(msgspec.Struct, frozen=True, gc=False):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    content: _Content | None = None
    finish_reason: str | None = None
    finish_message: str | None = None


class _PromptFeedback(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    block_reason: str | None = None


class _Chunk(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    candidates: list[_Candidate] | None = None
    usage_metadata: msgspec.Raw = _NULL  # decoded apart: a wrong one must not cost the reply
    prompt_feedback: _PromptFeedback | None = None
    error: msgspec.Raw = _NULL


class _Usage(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    prompt_token_count: TokenCount | None = None  # with those of the cache
    candidates_token_count: TokenCount | None = None  # without the thoughts
    thoughts_token_count: TokenCount | None = None
    cached_content_token_count: TokenCount | None = None


_decoder = msgspec.json.Decoder(_Chunk, strict=False)
_usage_decoder = msgspec.json.Decoder(_Usage | None, strict=False)

_REASONS = {
    "STOP": "stop",  # also with calls of tools
    "MAX_TOKENS": "length",
    "CONTINUATION": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "ESCALATION": "content_filter",
    "MODEL_ARMOR": "content_filter",
}  # all others, such as MALFORMED_FUNCTION_CALL, OTHER and those to come, end a reply that is not whole


class ReplyDecoder:
    """Turn the chunks of one reply into events: text at once; tool calls, usage and `Finish` at the end.

    The format has no last piece: a reply is whole when the body ended and a reason to finish was given before.
    """

    is_done = False

    def __init__(self) -> None:
        self._reason: str | None = None
        self._message: str | None = None
        self._is_blocked = False
        self._usage = _NULL
        self._calls = ToolCalls()

    def feed(self, data: bytes) -> list[ProviderEvent]:
        """The events of one chunk, without the ones kept for the end.

        Raises: StreamBroken for an error, and for what is not taken; msgspec.MsgspecError or ValueError for what is
        no chunk.
        """
        chunk = _decoder.decode(data)
        if chunk.error is not _NULL and chunk.error != _NULL:  # Why twice: the first costs next to nothing
            raise StreamBroken(describe(msgspec.json.decode(chunk.error)))
        if chunk.usage_metadata is not _NULL:
            self._usage = chunk.usage_metadata  # it comes with every chunk; the last is right
        if chunk.prompt_feedback is not None and chunk.prompt_feedback.block_reason:
            self._is_blocked = True
        if not chunk.candidates:
            return []
        candidate = chunk.candidates[0]
        if candidate.finish_reason:
            self._reason, self._message = candidate.finish_reason, candidate.finish_message
        if candidate.content is None or not candidate.content.parts:
            return []
        events: list[ProviderEvent] = []
        for part in candidate.content.parts:
            if part.text:
                events.append(Reasoning(part.text) if part.thought else Delta(part.text))
            else:
                self._keep(part)
        return events

    def end(self) -> list[ProviderEvent]:
        """The events after the last chunk; `Finish` is the last. Raises: StreamBroken when the reply is not whole."""
        reason = _REASONS.get(self._reason) if self._reason else "content_filter" if self._is_blocked else None
        if reason is None:
            if self._reason is None:
                raise StreamBroken("the answer ended in the middle")
            raise not_taken(f"it stopped with {self._reason}: {self._message or ''}".removesuffix(": "))
        events: list[ProviderEvent] = [*self._calls.whole()]
        if usage := _usage_of(self._usage):
            events.append(UsageReport(usage))
        events.append(Finish("tool_calls" if self._calls and reason == "stop" else reason))
        return events

    def _keep(self, part: _Part) -> None:
        """Keep a call for the end. A part without anything to show, such as a signature alone, is passed over."""
        if part.function_call is not None:
            call = part.function_call
            arguments = "{}" if call.args == _NULL else bytes(call.args).decode()
            self._calls.add_whole(call.id or "", call.name, arguments)
        elif part.inline_data != _NULL:
            raise not_taken("it sent an image or a sound, which a reply here cannot hold")


def _usage_of(raw: msgspec.Raw) -> Usage | None:
    """None when there is none, or one that cannot be."""
    try:
        usage = _usage_decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError):
        return None
    if usage is None or (usage.prompt_token_count is None and usage.candidates_token_count is None):
        return None
    cached, thoughts = usage.cached_content_token_count, usage.thoughts_token_count
    prompt = usage.prompt_token_count or 0
    completion = (usage.candidates_token_count or 0) + (thoughts or 0)
    return Usage(
        prompt,
        completion,
        prompt + completion,
        cached_tokens=UNSET if cached is None else cached,
        reasoning_tokens=UNSET if thoughts is None else thoughts,
    )
