"""The events of a run, and their one encoding.

The same JSON bytes go to the journal (one line each) and to every follower (one SSE event
each). Grammar of a stream: WHATWG HTML, section 9.2.6.
"""

from typing import assert_never

import msgspec

from chatkeep.chat.model import CheckResult, FailedCall, Stats, ToolCall, Usage
from chatkeep.errors import ChatkeepError, InvalidRequest

_UNSAFE = ((b"\xe2\x80\xa8", b"\\u2028"), (b"\xe2\x80\xa9", b"\\u2029"), (b"\xc2\x85", b"\\u0085"))


class Start(msgspec.Struct, frozen=True):
    """First event, number 0: names what the run is and who is asked. A run outside any chat names none.

    `continues` is the id of the reply that this one goes on with; a reply of its own has none.
    """

    run_id: str
    chat_id: str | msgspec.UnsetType
    message_id: str
    provider: str
    model: str
    continues: str | msgspec.UnsetType = msgspec.UNSET


class Delta(msgspec.Struct, frozen=True):
    """A piece of the reply's text."""

    text: str


class Reasoning(msgspec.Struct, frozen=True):
    """A piece of the model's reasoning, which is not part of the reply."""

    text: str


class UsageReport(msgspec.Struct, frozen=True):
    """What the provider counted; the last one of a run is right."""

    usage: Usage


class Finish(msgspec.Struct, frozen=True):
    """The provider's proper end. `reason`: stop, length, tool_calls or content_filter. Not sent on: `Done` is."""

    reason: str


class Retry(msgspec.Struct, frozen=True):
    """A call failed before its first token, and `provider` is asked with `model` in `delay_s` seconds: the same
    one again, or a fallback, who from here on is the one that answers. Comes before any text.
    """

    provider: str
    model: str
    delay_s: float
    failed: FailedCall


class Done(msgspec.Struct, frozen=True, omit_defaults=True):
    """Last event of a run that completed or was stopped. `state` says which.

    `checks` are those of the reply that were made before it was stored.
    """

    finish_reason: str
    usage: Usage
    stats: Stats
    message_id: str
    state: str
    rolled_back: bool = False
    checks: list[CheckResult] = []


class FieldError(msgspec.Struct, frozen=True):
    """One wrong field: its JSON path (`$.message`) and what is wrong with it."""

    path: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document (RFC 9457).

    `partial` is the text that was kept, `state` how the run ended, `retry_after_s` the wait in seconds where known.
    """

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str | None = None
    success: bool | None = None
    errors: list[FieldError] = []
    chat_id: str | None = None
    run_id: str | None = None
    message_id: str | None = None
    state: str | None = None
    partial: str | None = None
    retry_after_s: float | None = None


def problem(error: ChatkeepError) -> Problem:
    """The problem document of `error`."""
    errors = error.errors if isinstance(error, InvalidRequest) else ()
    return Problem(
        type=f"urn:chatkeep:problem:{error.code}",
        title=error.title,
        status=error.status,
        detail=error.detail,
        code=error.code,
        success=False,
        retry_after_s=error.retry_after_s,
        errors=[FieldError(path, message) for path, message in errors],
    )


ProviderEvent = Delta | Reasoning | ToolCall | UsageReport | Finish
"""What a provider's stream yields. `Finish` comes last and once; a stream that ends without it was cut."""

RunEvent = Start | Retry | Delta | Reasoning | ToolCall | UsageReport | Done | Problem
"""What a run's followers see. `Done` or `Problem` (named `failed`) comes last and once."""

_encoder = msgspec.json.Encoder()


def encode(number: int, event: RunEvent) -> tuple[bytes, bytes]:
    """Encode `event` as its SSE event and as its journal line; both carry the same JSON bytes."""
    match event:
        case Delta():
            name, payload = b"delta", _encoder.encode(event)
        case Reasoning():
            name, payload = b"reasoning", _encoder.encode(event)
        case ToolCall():
            name, payload = b"tool_call", _encoder.encode(event)
        case UsageReport(usage=usage):
            name, payload = b"usage", _encoder.encode(usage)
        case Start():
            name, payload = b"start", _encoder.encode(event)
        case Retry():
            name, payload = b"retry", _encoder.encode(event)
        case Done():
            name, payload = b"done", _encoder.encode(event)
        case Problem():
            name, payload = b"failed", _encoder.encode(event)
        case _:
            assert_never(event)
    payload = on_one_line(payload)
    return frame(number, name, payload), b'{"id":%d,"event":"%s","data":%s}\n' % (number, name, payload)


def on_one_line(payload: bytes) -> bytes:
    """The same JSON without the characters that some readers end a line at: U+2028, U+2029 and U+0085."""
    if not payload.isascii():
        # Workaround: readers built on str.splitlines (httpx, Python's Ollama client) cut lines there.
        for raw, escaped in _UNSAFE:
            payload = payload.replace(raw, escaped)
    return payload


def frame(number: int, name: bytes, payload: bytes) -> bytes:
    """One SSE event. The first of a run carries `retry: 1000` (milliseconds until an EventSource reconnects)."""
    retry = b"retry: 1000\n" if name == b"start" else b""
    return b"id: %d\nevent: %s\n%sdata: %s\n\n" % (number, name, retry, payload)


class JournalLine(msgspec.Struct, frozen=True):
    """One event as the journal keeps it."""

    id: int
    event: str
    data: msgspec.Raw

    @property
    def is_last(self) -> bool:
        """Whether the run ends with this event."""
        return self.event in ("done", "failed")

    @property
    def is_known(self) -> bool:
        """Whether this version has such an event; a newer one may have others."""
        return self.event == "usage" or self.event in _TYPES

    def frame(self) -> bytes:
        """The SSE event that was sent for this line, byte for byte."""
        return frame(self.id, self.event.encode(), bytes(self.data))

    def decoded(self) -> RunEvent:
        """The event again. Raises: msgspec.MsgspecError when the line is not one of ours."""
        if self.event == "usage":
            return UsageReport(msgspec.json.decode(self.data, type=Usage))
        return msgspec.json.decode(self.data, type=_TYPES[self.event])


_TYPES: dict[
    str, type[Start] | type[Retry] | type[Delta] | type[Reasoning] | type[ToolCall] | type[Done] | type[Problem]
] = {
    "start": Start,
    "retry": Retry,
    "delta": Delta,
    "reasoning": Reasoning,
    "tool_call": ToolCall,
    "done": Done,
    "failed": Problem,
}
