"""The bytes of Ollama's own API: requests out, lines in. Pure; calls are made in ollama.py.

Format: Ollama, `docs/api.md`, "Generate a chat completion". Durations are nanoseconds there.
"""

import msgspec
from msgspec import UNSET, UnsetType

from chatkeep.chat.events import Delta, Finish, ProviderEvent, Reasoning, UsageReport
from chatkeep.chat.model import ToolCall, Usage
from chatkeep.chat.ports import ChatMessage, ProviderRequest, Tool
from chatkeep.providers.failures import RequestRefused, StreamBroken, describe
from chatkeep.providers.parts import Image, ImageLink, Text, arguments_of, parts_of
from chatkeep.providers.tokens import TokenCount
from chatkeep.providers.tool_calls import ToolCalls

# Why a window of our own: what Ollama takes when it is told none is 4k on most machines (docs/context-length.mdx),
# `/api/show` does not tell it, and a longer prompt is cut without a word. Why not the model's whole length: memory for
# the window is taken when the model is loaded, 16 GiB for the 131,072 tokens of an 8B Llama 3.1 and 1 GiB for these.
WINDOW_TOKENS = 8192


class _Options(msgspec.Struct, frozen=True):
    temperature: float | UnsetType = UNSET
    num_predict: int | UnsetType = UNSET
    num_ctx: int | UnsetType = UNSET


class _OutFunction(msgspec.Struct, frozen=True):
    name: str
    arguments: msgspec.Raw


class _OutCall(msgspec.Struct, frozen=True):
    id: str
    function: _OutFunction


class _OutMessage(msgspec.Struct, frozen=True):
    role: str
    content: str
    images: list[str] | UnsetType = UNSET
    tool_calls: list[_OutCall] | UnsetType = UNSET
    tool_call_id: str | UnsetType = UNSET
    tool_name: str | UnsetType = UNSET


class _OutSignature(msgspec.Struct, frozen=True):
    name: str
    description: str
    parameters: msgspec.Raw


class _OutTool(msgspec.Struct, frozen=True):
    function: _OutSignature
    type: str = "function"


class _Request(msgspec.Struct, frozen=True):
    model: str
    messages: list[_OutMessage]
    stream: bool
    tools: list[_OutTool] | UnsetType = UNSET
    options: _Options | UnsetType = UNSET


def encode_request(request: ProviderRequest, context_tokens: int | None) -> bytes:
    """The body of a streaming /api/chat; what the request leaves open, and an unknown window, is left out.

    Raises: RequestRefused for images by their address, other parts, and earlier calls whose arguments are no object.
    """
    options: _Options | UnsetType = _Options(
        temperature=UNSET if request.temperature is None else request.temperature,
        num_predict=UNSET if request.max_tokens is None else request.max_tokens,
        num_ctx=UNSET if context_tokens is None else context_tokens,
    )
    if options == _Options():
        options = UNSET
    names = {call.id: call.name for message in request.messages for call in message.tool_calls}
    messages = [_out(message, names) for message in request.messages]
    tools = [_out_tool(tool) for tool in request.tools] or UNSET
    return msgspec.json.encode(_Request(request.model, messages, stream=True, tools=tools, options=options))


def _out(message: ChatMessage, names: dict[str, str]) -> _OutMessage:
    """`names` are those of the tools that were called, by the id of the call."""
    text, images = _text_and_images(message)
    id_ = message.tool_call_id
    return _OutMessage(
        role="system" if message.role == "developer" else message.role,
        content=text,
        images=images or UNSET,
        tool_calls=[_out_call(call) for call in message.tool_calls] or UNSET,
        tool_call_id=id_ or UNSET,
        tool_name=names.get(id_, UNSET) if id_ else UNSET,
    )


def _text_and_images(message: ChatMessage) -> tuple[str, list[str]]:
    """OpenAI's parts as Ollama takes them: one text, and the images in base64 without their `data:` head."""
    if isinstance(message.content, str):
        return message.content, []
    parts = parts_of(message)
    if any(isinstance(part, ImageLink) for part in parts):
        raise RequestRefused(
            "Ollama takes an image only with the message, as a data: URL in base64, not by its address."
        )
    text = "\n".join(part.text for part in parts if isinstance(part, Text))
    return text, [part.data for part in parts if isinstance(part, Image)]


def _out_call(call: ToolCall) -> _OutCall:
    return _OutCall(call.id, _OutFunction(call.name, arguments_of(call)))


def _out_tool(tool: Tool) -> _OutTool:
    return _OutTool(_OutSignature(tool.name, tool.description, tool.parameters))


class _Function(msgspec.Struct, frozen=True, gc=False):
    name: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class _Call(msgspec.Struct, frozen=True, gc=False):
    id: str = ""
    function: _Function = _Function()


class _Message(msgspec.Struct, frozen=True, gc=False):
    content: str | None = None
    thinking: str | None = None
    tool_calls: list[_Call] | None = None


class _Line(msgspec.Struct, frozen=True, gc=False):
    message: _Message | None = None
    done: bool = False
    done_reason: str | None = None
    error: msgspec.Raw | UnsetType = UNSET


class _Counts(msgspec.Struct, frozen=True, gc=False):
    """What the last line counts, decoded apart: a wrong count must not cost the reply."""

    prompt_eval_count: TokenCount | None = None  # left out when the whole prompt was cached
    eval_count: TokenCount | None = None


_decoder = msgspec.json.Decoder(_Line, strict=False)
_counts_decoder = msgspec.json.Decoder(_Counts, strict=False)


class ReplyDecoder:
    """Turn the lines of one reply into events: text at once; tool calls, usage and `Finish` at the end."""

    def __init__(self) -> None:
        self.is_done = False  # the line with `done` was seen: nothing more comes
        self._calls = ToolCalls()
        self._done_reason: str | None = None
        self._usage: Usage | None = None

    def feed(self, data: bytes) -> list[ProviderEvent]:
        """The events of one line, without the ones kept for the end.

        Raises: StreamBroken for an error or too much; msgspec.MsgspecError or ValueError for what is no such line.
        """
        line = _decoder.decode(data)
        if line.error is not UNSET and line.error != b"null":
            raise StreamBroken(describe(msgspec.json.decode(line.error)))
        if line.done:
            self.is_done = True
            self._done_reason = line.done_reason
            self._usage = _usage_of(data)
        return [] if line.message is None else self._content(line.message)

    def end(self) -> list[ProviderEvent]:
        """The events after the last line; `Finish` is the last. Raises: StreamBroken when the reply was cut."""
        if not self.is_done:
            raise StreamBroken("the answer ended in the middle")
        events: list[ProviderEvent] = [*self._calls.whole()]
        if self._usage is not None:
            events.append(UsageReport(self._usage))
        events.append(Finish(_reason(self._done_reason, has_calls=bool(self._calls))))
        return events

    def _content(self, message: _Message) -> list[ProviderEvent]:
        for call in message.tool_calls or ():
            self._calls.add_whole(call.id, call.function.name, bytes(call.function.arguments).decode())
        events: list[ProviderEvent] = []
        if message.thinking:
            events.append(Reasoning(message.thinking))
        if message.content:
            events.append(Delta(message.content))
        return events


def _usage_of(last_line: bytes) -> Usage | None:
    """None when it counts nothing, or what cannot be."""
    try:
        counts = _counts_decoder.decode(last_line)
    except (msgspec.MsgspecError, ValueError):
        return None
    if counts.eval_count is None:
        return None
    prompt = counts.prompt_eval_count or 0
    return Usage(prompt, counts.eval_count, prompt + counts.eval_count)


def _reason(done_reason: str | None, *, has_calls: bool) -> str:
    """`load` and `unload` answer empty requests: for us a stop."""
    if done_reason == "length":
        return "length"
    return "tool_calls" if has_calls else "stop"


class _Tag(msgspec.Struct, frozen=True):
    name: str


class _Tags(msgspec.Struct, frozen=True):
    models: list[_Tag] | None = None


class _Version(msgspec.Struct, frozen=True):
    version: str


class _Show(msgspec.Struct, frozen=True):
    model_info: dict[str, msgspec.Raw] = {}
    parameters: str = ""
    capabilities: list[str] | None = None


class ShownModel(msgspec.Struct, frozen=True):
    """What /api/show tells of a model. `can_see` is None for Ollamas before 0.6.4, which do not tell."""

    context_tokens: int
    can_see: bool | None


def decode_models(answer: bytes) -> list[str]:
    """The names that /api/tags lists, newest first. Raises: msgspec.MsgspecError, ValueError."""
    return [tag.name for tag in msgspec.json.decode(answer, type=_Tags).models or ()]


def decode_version(answer: bytes) -> str:
    """What /api/version says. Raises: msgspec.MsgspecError, ValueError."""
    return msgspec.json.decode(answer, type=_Version).version


def decode_show(answer: bytes) -> ShownModel:
    """What /api/show tells. Its window is the one to ask for: the model file's num_ctx, else `WINDOW_TOKENS`; the
    model's length at most. Raises: msgspec.MsgspecError, ValueError.
    """
    show = msgspec.json.decode(answer, type=_Show)
    return ShownModel(_window(show), None if show.capabilities is None else "vision" in show.capabilities)


def _window(show: _Show) -> int:
    window = _num_ctx(show.parameters) or WINDOW_TOKENS
    lengths = (value for name, value in show.model_info.items() if name.endswith(".context_length"))
    length = next((msgspec.json.decode(value, type=TokenCount) for value in lengths), 0)
    return min(window, length or window)


def _num_ctx(parameters: str) -> int | None:
    """The window that a model file sets, in the form of its text: a name, spaces and a value a line."""
    for line in parameters.splitlines():
        name, _, value = line.partition(" ")
        if name == "num_ctx":
            return msgspec.convert(value.strip(), TokenCount, strict=False)
    return None
