"""The bytes of Ollama's own API: requests out, lines in. Pure; calls are made in ollama.py.

Format: Ollama, `docs/api.md`, "Generate a chat completion". Durations are nanoseconds there.
"""

import msgspec
from msgspec import UNSET, UnsetType

from chatkeep.chat.events import Delta, Finish, ProviderEvent, Reasoning, UsageReport
from chatkeep.chat.model import ToolCall, Usage
from chatkeep.chat.ports import ChatMessage, ProviderRequest
from chatkeep.providers.failures import StreamBroken, describe


class _Options(msgspec.Struct, frozen=True):
    temperature: float | UnsetType = UNSET
    num_predict: int | UnsetType = UNSET


class _OutCall(msgspec.Struct, frozen=True):
    function: dict[str, msgspec.Raw]


class _OutMessage(msgspec.Struct, frozen=True):
    role: str
    content: str
    images: list[str] | UnsetType = UNSET
    tool_calls: list[_OutCall] | UnsetType = UNSET
    tool_call_id: str | UnsetType = UNSET


class _Request(msgspec.Struct, frozen=True):
    model: str
    messages: list[_OutMessage]
    stream: bool
    options: _Options | UnsetType = UNSET


class _ImageUrl(msgspec.Struct, frozen=True):
    url: str = ""


class _Part(msgspec.Struct, frozen=True):
    """A part of OpenAI's content."""

    text: str = ""
    image_url: _ImageUrl = _ImageUrl()


class _InFunction(msgspec.Struct, frozen=True):
    name: str = ""
    arguments: str = "{}"


class _InCall(msgspec.Struct, frozen=True):
    """A tool call in OpenAI's form."""

    function: _InFunction = _InFunction()


def encode_request(request: ProviderRequest) -> bytes:
    """The body of a streaming /api/chat; what the request leaves open is left out."""
    options: _Options | UnsetType = UNSET
    if request.temperature is not None or request.max_tokens is not None:
        options = _Options(
            temperature=UNSET if request.temperature is None else request.temperature,
            num_predict=UNSET if request.max_tokens is None else request.max_tokens,
        )
    messages = [_out(message) for message in request.messages]
    return msgspec.json.encode(_Request(request.model, messages, stream=True, options=options))


def _out(message: ChatMessage) -> _OutMessage:
    text, images = _text_and_images(message.content)
    return _OutMessage(
        role="system" if message.role == "developer" else message.role,
        content=text,
        images=images or UNSET,
        tool_calls=[_out_call(call) for call in message.tool_calls] if message.tool_calls else UNSET,
        tool_call_id=message.tool_call_id or UNSET,
    )


def _text_and_images(content: str | list[msgspec.Raw]) -> tuple[str, list[str]]:
    """OpenAI's parts as Ollama takes them: one text, and the images in base64 without their `data:` head."""
    if isinstance(content, str):
        return content, []
    parts = [msgspec.json.decode(part, type=_Part) for part in content]
    images = [part.image_url.url.partition(";base64,")[2] for part in parts]
    return "\n".join(part.text for part in parts if part.text), [image for image in images if image]


def _out_call(call: msgspec.Raw) -> _OutCall:
    function = msgspec.json.decode(call, type=_InCall).function
    arguments = msgspec.Raw(function.arguments.encode() or b"{}")
    return _OutCall({"name": msgspec.Raw(msgspec.json.encode(function.name)), "arguments": arguments})


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
    prompt_eval_count: int | None = None  # left out when the whole prompt was cached
    eval_count: int | None = None
    error: msgspec.Raw | UnsetType = UNSET


_decoder = msgspec.json.Decoder(_Line, strict=False)


class ReplyDecoder:
    """Turn the lines of one reply into events: text at once; tool calls, usage and `Finish` at the end."""

    def __init__(self) -> None:
        self.is_done = False  # the line with `done` was seen: nothing more comes
        self._calls: list[ToolCall] = []
        self._last = _Line()

    def feed(self, data: bytes) -> list[ProviderEvent]:
        """The events of one line, without the ones kept for the end.

        Raises: StreamBroken for an error; msgspec.MsgspecError or ValueError for what is no such line.
        """
        line = _decoder.decode(data)
        if line.error is not UNSET:
            raise StreamBroken(describe(msgspec.json.decode(line.error)).message or "it reported an error")
        if line.done:
            self.is_done = True
            self._last = line
        return [] if line.message is None else self._content(line.message)

    def end(self) -> list[ProviderEvent]:
        """The events after the last line; `Finish` is the last. Raises: StreamBroken when the reply was cut."""
        if not self.is_done:
            raise StreamBroken("the answer ended in the middle")
        events: list[ProviderEvent] = [*self._calls]
        if self._last.eval_count is not None:
            prompt, completion = self._last.prompt_eval_count or 0, self._last.eval_count
            events.append(UsageReport(Usage(prompt, completion, prompt + completion)))
        events.append(Finish(_reason(self._last.done_reason, has_calls=bool(self._calls))))
        return events

    def _content(self, message: _Message) -> list[ProviderEvent]:
        for call in message.tool_calls or ():
            # Why numbered: older Ollamas give calls no id, and the answer to a call must name one.
            id_ = call.id or f"call_{len(self._calls)}"
            self._calls.append(ToolCall(id_, call.function.name, bytes(call.function.arguments).decode()))
        events: list[ProviderEvent] = []
        if message.thinking:
            events.append(Reasoning(message.thinking))
        if message.content:
            events.append(Delta(message.content))
        return events


def _reason(done_reason: str | None, *, has_calls: bool) -> str:
    """`load` and `unload` answer empty requests: for us a stop."""
    if has_calls:
        return "tool_calls"
    return "length" if done_reason == "length" else "stop"


class _Tag(msgspec.Struct, frozen=True):
    name: str


class _Tags(msgspec.Struct, frozen=True):
    models: list[_Tag] | None = None


class _Version(msgspec.Struct, frozen=True):
    version: str


class _Show(msgspec.Struct, frozen=True):
    model_info: dict[str, msgspec.Raw] = {}
    parameters: str = ""


def decode_models(answer: bytes) -> list[str]:
    """The names that /api/tags lists, newest first. Raises: msgspec.MsgspecError, ValueError."""
    return [tag.name for tag in msgspec.json.decode(answer, type=_Tags).models or ()]


def decode_version(answer: bytes) -> str:
    """What /api/version says. Raises: msgspec.MsgspecError, ValueError."""
    return msgspec.json.decode(answer, type=_Version).version


def decode_context_tokens(answer: bytes) -> int | None:
    """The context window that /api/show tells: the model file's num_ctx, else the architecture's length.

    Raises: msgspec.MsgspecError, ValueError.
    """
    show = msgspec.json.decode(answer, type=_Show)
    for line in show.parameters.splitlines():
        name, _, value = line.partition(" ")
        if name == "num_ctx" and value.strip().isdigit():
            return int(value)
    lengths = (value for name, value in show.model_info.items() if name.endswith(".context_length"))
    return next((msgspec.json.decode(value, type=int) for value in lengths), None)
