"""The bytes of Anthropic's Messages: requests out, events in. Pure; calls are made in anthropic.py.

Format: Anthropic API reference, "Messages" and "Streaming messages"; the names of fields and values are those of its
Python SDK, 2.12. What the format cannot say is refused, never left out.
"""

import msgspec
from msgspec import UNSET, UnsetType

from chatkeep.chat.events import Delta, Finish, ProviderEvent, Reasoning, UsageReport
from chatkeep.chat.model import ToolCall, Usage, text_of
from chatkeep.chat.ports import ChatMessage, ProviderRequest, Tool
from chatkeep.providers.anthropic_models import ListedModel, can_prefill, reply_tokens
from chatkeep.providers.failures import RequestRefused, StreamBroken, describe
from chatkeep.providers.parts import Image, ImageLink, Part, Text, arguments_of, parts_of, texts_of
from chatkeep.providers.tokens import TokenCount
from chatkeep.providers.tool_calls import ToolCalls

VERSION_PATH = "/v1"

_MAX_TEMPERATURE = 1.0


def headers(api_key: str | None) -> dict[str, str]:
    """What every call carries."""
    version = {"anthropic-version": "2023-06-01"}
    return version if api_key is None else {"x-api-key": api_key, **version}


class _Base64(msgspec.Struct, frozen=True, tag="base64"):
    media_type: str
    data: str


class _Url(msgspec.Struct, frozen=True, tag="url"):
    url: str


class _TextBlock(msgspec.Struct, frozen=True, tag="text"):
    text: str


class _ImageBlock(msgspec.Struct, frozen=True, tag="image"):
    source: _Base64 | _Url


class _ToolUse(msgspec.Struct, frozen=True, tag="tool_use"):
    id: str
    name: str
    input: msgspec.Raw


class _ToolResult(msgspec.Struct, frozen=True, tag="tool_result"):
    tool_use_id: str
    content: list[_TextBlock | _ImageBlock] | UnsetType


_OutBlock = _TextBlock | _ImageBlock | _ToolUse | _ToolResult


class _OutMessage(msgspec.Struct, frozen=True):
    role: str
    content: list[_OutBlock]


class _OutTool(msgspec.Struct, frozen=True):
    name: str
    description: str | UnsetType
    input_schema: msgspec.Raw


class _OutThinking(msgspec.Struct, frozen=True):
    type: str
    display: str


class _Request(msgspec.Struct, frozen=True):
    model: str
    max_tokens: int
    messages: list[_OutMessage]
    stream: bool
    system: list[_TextBlock] | UnsetType = UNSET
    temperature: float | UnsetType = UNSET
    thinking: _OutThinking | UnsetType = UNSET
    tools: list[_OutTool] | UnsetType = UNSET


_encoder = msgspec.json.Encoder()

_THINK_ALOUD = _OutThinking("adaptive", "summarized")


def encode_request(request: ProviderRequest, listed: ListedModel | None = None) -> bytes:
    """The body of a call that streams. `listed` is what the service told of the model.

    Raises: RequestRefused for what the format, or the model, cannot say.
    """
    _check(request)
    system = [_TextBlock(text) for message in request.messages if _is_system(message) for text in texts_of(message)]
    return _encoder.encode(
        _Request(
            model=request.model,
            max_tokens=request.max_tokens or reply_tokens(request.model, listed),
            messages=_messages(request),
            stream=True,
            system=system or UNSET,
            temperature=UNSET if request.temperature is None else request.temperature,
            thinking=_THINK_ALOUD if listed is not None and listed.thinks_unasked else UNSET,
            tools=[_out_tool(tool) for tool in request.tools] or UNSET,
        )
    )


def unsent_end(request: ProviderRequest) -> str:
    """The white space at the end of a reply that is gone on with, which is not sent; empty for any other request."""
    text = text_of(request.messages[-1].content) if request.is_prefilled else ""
    return text[len(text.rstrip()) :]


def _check(request: ProviderRequest) -> None:
    """Raises: RequestRefused."""
    # Why not scaled or cut: up to 1 both scales mean the same, and above it there is nothing that means what was asked.
    if request.temperature is not None and request.temperature > _MAX_TEMPERATURE:
        raise RequestRefused(f"The temperature is {request.temperature:g}; this provider takes 0 to 1.")
    if request.is_prefilled and not can_prefill(request.model):
        raise RequestRefused(f"The model {request.model!r} does not go on with a reply that was begun.")


def _is_system(message: ChatMessage) -> bool:
    return message.role in ("system", "developer")


def _messages(request: ProviderRequest) -> list[_OutMessage]:
    """All but the system's, in turns: the results of tools are the user's, who then goes on in the same message."""
    turns: list[_OutMessage] = []
    for message in request.messages:
        if _is_system(message):
            continue
        role, blocks = ("assistant" if message.role == "assistant" else "user"), _blocks(message)
        if turns and turns[-1].role == role:
            turns[-1].content.extend(blocks)
        elif blocks:  # Why: a message without content is refused, and an empty reply is none.
            turns.append(_OutMessage(role, blocks))
    if request.is_prefilled and turns and isinstance(last := turns[-1].content[-1], _TextBlock):
        # Why: "final assistant content cannot end with trailing whitespace", the service says.
        turns[-1].content[-1] = _TextBlock(last.text.rstrip())
    return turns


def _blocks(message: ChatMessage) -> list[_OutBlock]:
    content = [_out_part(part) for part in parts_of(message)]
    match message.role:
        case "user":
            return [*content]
        case "assistant":
            return [*content, *(_tool_use(call) for call in message.tool_calls)]
        case "tool" if message.tool_call_id:
            return [_ToolResult(message.tool_call_id, content or UNSET)]
        case "tool":
            raise RequestRefused("The result of a tool does not say which call it answers.")
        case _:
            raise RequestRefused(f"A message has the role {message.role!r}, which this provider does not know.")


def _out_part(part: Part) -> _TextBlock | _ImageBlock:
    match part:
        case Text(text=text):
            return _TextBlock(text)
        case Image(media_type=media_type, data=data):
            return _ImageBlock(_Base64(media_type, data))
        case ImageLink(url=url):
            return _ImageBlock(_Url(url))


def _tool_use(call: ToolCall) -> _ToolUse:
    if not call.name:
        raise RequestRefused("An earlier call of a tool does not say of which one.")
    return _ToolUse(call.id, call.name, arguments_of(call))


def _out_tool(tool: Tool) -> _OutTool:
    return _OutTool(tool.name, tool.description or UNSET, tool.parameters)


_NULL = msgspec.Raw(b"null")


class _Delta(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    text: str = ""
    thinking: str = ""
    partial_json: str = ""
    stop_reason: str | None = None


class _Block(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    text: str = ""
    thinking: str = ""
    id: str = ""
    name: str = ""
    input: dict[str, msgspec.Raw] = {}


class _Message(msgspec.Struct, frozen=True, gc=False):
    usage: msgspec.Raw = _NULL


class _Event(msgspec.Struct, frozen=True, gc=False):
    """One of any type: each has some of the fields."""

    type: str = ""
    index: int = 0
    delta: _Delta | None = None
    content_block: _Block | None = None
    message: _Message | None = None
    usage: msgspec.Raw = _NULL  # decoded apart: a wrong one must not cost the reply
    error: msgspec.Raw = _NULL


class _OutputDetails(msgspec.Struct, frozen=True, gc=False):
    thinking_tokens: TokenCount | UnsetType = UNSET


class _Usage(msgspec.Struct, frozen=True, gc=False):
    input_tokens: TokenCount | None = None  # without those of the cache
    cache_read_input_tokens: TokenCount | None = None
    cache_creation_input_tokens: TokenCount | None = None
    output_tokens: TokenCount | None = None
    output_tokens_details: _OutputDetails | None = None


_decoder = msgspec.json.Decoder(_Event, strict=False)
_usage_decoder = msgspec.json.Decoder(_Usage, strict=False)
_counts_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw] | None)

_REASONS = {
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}  # all others mean that the model was done: end_turn, stop_sequence, pause_turn


class ReplyDecoder:
    """Turn the events of one reply into ours: text at once; tool calls, usage and `Finish` at the end.

    `unsent_end` is the white space that the reply may begin with and that its beginning, which it goes on with, has
    already; it is left out. Events, blocks and deltas of other types are passed over, as the format asks.
    """

    def __init__(self, unsent_end: str = "") -> None:
        self.is_done = False  # message_stop was seen: nothing more comes
        self._unsent_end = unsent_end
        self._reason: str | None = None
        self._usages: list[msgspec.Raw] = []
        self._calls = ToolCalls()
        self._call_blocks: set[int] = set()

    def feed(self, data: bytes) -> list[ProviderEvent]:
        """The events of one piece, without the ones kept for the end.

        Raises: StreamBroken for an error, and for more calls than are taken; msgspec.MsgspecError or ValueError for
        what is no event.
        """
        if self.is_done:
            return []
        event = _decoder.decode(data)
        if event.type == "content_block_delta" and event.delta is not None:
            return self._content(event.index, event.delta)
        if event.error != _NULL:
            raise StreamBroken(describe(msgspec.json.decode(event.error)))
        return self._frame(event)

    def end(self) -> list[ProviderEvent]:
        """The events after the last piece; `Finish` is the last. Raises: StreamBroken when the reply was cut."""
        if not self.is_done:
            raise StreamBroken("the answer ended in the middle")
        events: list[ProviderEvent] = [*self._calls.whole()]
        if usage := _usage_of(self._usages):
            events.append(UsageReport(usage))
        events.append(Finish(_REASONS.get(self._reason or "", "stop")))
        return events

    def _content(self, index: int, delta: _Delta) -> list[ProviderEvent]:
        match delta.type:
            case "text_delta":
                return self._text(delta.text)
            case "thinking_delta" if delta.thinking:
                return [Reasoning(delta.thinking)]
            case "input_json_delta" if index in self._call_blocks:  # other tools run there, not here
                self._calls.add_piece(index, "", "", delta.partial_json)
        return []

    def _frame(self, event: _Event) -> list[ProviderEvent]:
        match event.type:
            case "content_block_start" if event.content_block is not None:
                return self._begin(event.index, event.content_block)
            case "message_start" if event.message is not None:
                self._usages = [event.message.usage]
            case "message_delta":
                self._usages = [*self._usages[:1], event.usage]  # cumulative
                if event.delta is not None and event.delta.stop_reason:
                    self._reason = event.delta.stop_reason
            case "message_stop":
                self.is_done = True
        return []

    def _begin(self, index: int, block: _Block) -> list[ProviderEvent]:
        """A block begins; the service itself sends it empty, others that speak its format do not."""
        match block.type:
            case "text":
                return self._text(block.text)
            case "thinking" if block.thinking:
                return [Reasoning(block.thinking)]
            case "tool_use":
                given = _encoder.encode(block.input).decode() if block.input else ""
                self._calls.add_piece(index, block.id, block.name, given)
                self._call_blocks.add(index)
        return []

    def _text(self, text: str) -> list[ProviderEvent]:
        if self._unsent_end:
            text = self._without_repeat(text)
        return [Delta(text)] if text else []

    def _without_repeat(self, text: str) -> str:
        """`text` without what it repeats of the unsent end, which pieces may give character by character."""
        while text and text[0] == self._unsent_end[:1]:
            text, self._unsent_end = text[1:], self._unsent_end[1:]
        if text:
            self._unsent_end = ""
        return text


def _usage_of(raws: list[msgspec.Raw]) -> Usage | None:
    """The counts of the last one, and of those before it for what it leaves out; None when one of them cannot be."""
    try:
        counts = {name: count for raw in raws for name, count in (_counts_decoder.decode(raw) or {}).items()}
        usage = _usage_decoder.decode(_encoder.encode({name: n for name, n in counts.items() if n != _NULL}))
    except (msgspec.MsgspecError, ValueError):
        return None
    if usage.input_tokens is None and usage.output_tokens is None:
        return None
    cached, thoughts = usage.cache_read_input_tokens, usage.output_tokens_details
    prompt = (usage.input_tokens or 0) + (cached or 0) + (usage.cache_creation_input_tokens or 0)
    completion = usage.output_tokens or 0
    return Usage(
        prompt,
        completion,
        prompt + completion,
        cached_tokens=UNSET if cached is None else cached,
        reasoning_tokens=UNSET if thoughts is None else thoughts.thinking_tokens,
    )
