"""The stored format: a chat, its messages, and what is known of each reply."""

import hashlib
import os
import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from chatkeep.errors import InvalidChatId, RevisionConflict

FORMAT = 1
START = ""
"""The `parent_id` of a message that follows none but the system's."""

_TITLE_CHARS = 80

Role = Literal["system", "user", "assistant", "tool", "developer"]
ReplyStatus = Literal["complete", "stopped", "failed", "interrupted"]

_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z\Z", re.ASCII)
_CHAT_ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")


class ChatKey(msgspec.Struct, frozen=True):
    """Names one chat. `owner` is an API key's name, empty for the anonymous owner."""

    owner: str
    chat_id: str


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one run. `estimated` says that we counted, not the provider.

    `cached_tokens` are those of the prompt that the provider had read before, `reasoning_tokens` those of the
    completion that were thought and not said; left out when the provider does not tell.
    """

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    estimated: bool = False
    cached_tokens: int | UnsetType = UNSET
    reasoning_tokens: int | UnsetType = UNSET


class FailedCall(msgspec.Struct, frozen=True):
    """A call of a model that gave nothing, before another one was made. `code` and `detail` are its error's."""

    provider: str
    model: str
    code: str
    detail: str
    elapsed_ms: float


class Stats(msgspec.Struct, frozen=True):
    """Times of one run in milliseconds, from the start of the provider's call. None: there was no token.

    `cost_usd` is what the provider's list price makes of the usage, left out when no price is known. `failed`
    are the calls that gave nothing, in order, where there was more than one call; left out when there were none.
    """

    time_to_first_token_ms: float | None
    elapsed_ms: float
    tokens_per_second: float | None
    cost_usd: float | UnsetType = UNSET
    failed: list[FailedCall] | UnsetType = UNSET


Verdict = Literal["pass", "warn", "deny", "unknown"]


class CheckResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one check says of a message: all is well, look at it, it must not pass, or the check itself failed.

    `detail` is for people; empty when there is nothing to say.
    """

    name: str
    verdict: Verdict
    detail: str = ""


class ToolCall(msgspec.Struct, frozen=True):
    """A function the model wants called. `arguments` is JSON text as the model wrote it, maybe not valid."""

    id: str
    name: str
    arguments: str


class Idempotency(msgspec.Struct, frozen=True):
    """SHA-256 of the caller's Idempotency-Key and of the body it came with, both hexadecimal."""

    key: str
    body: str


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One message as it stands in the file; the order of fields is the order in the file.

    `content` is text or a list of parts in OpenAI's form. `parent_id` names the message that this one follows, START
    for none; left out, it follows the one before it in the file (branch.py). `original_id` is the id that an imported
    message had where it comes from. `tool_call_id` names the call that a tool's
    message answers. `continues` is the id of the reply that this one goes on with, at the place where that one
    ends; a user's message that has it was written by us, to ask for that (continuation.py). `extra` holds fields of
    the file that this version does not know, so that they survive a rewrite.
    """

    id: str | None = None
    role: Role
    content: str | list[msgspec.Raw]
    timestamp: str | None = None
    run_id: str | None = None
    provider: str | None = None
    model: str | None = None
    status: ReplyStatus | None = None
    finish_reason: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    continues: str | None = None
    checks: list[CheckResult] | None = None
    usage: Usage | None = None
    stats: Stats | None = None
    error: str | None = None
    idempotency: Idempotency | None = None
    parent_id: str | None = None
    original_id: str | None = None
    extra: dict[str, msgspec.Raw] = msgspec.field(default_factory=dict, name="~extra")

    @property
    def text(self) -> str:
        """The message's text, without what is no text."""
        return text_of(self.content)


class _TextPart(msgspec.Struct):
    text: str = ""


class Origin(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a chat comes from: `source` is the program, `chatkeep` for a fork; the ids are those of there.

    `message_id` is the last message that a fork took over.
    """

    source: str
    chat_id: str
    message_id: str | None = None


class Chat(msgspec.Struct, frozen=True):
    """One chat. `revision` counts the writes of its file, from 1; 0 was never written. Messages: oldest first.

    `current` is the id of the message that the active path ends with; None when that is the last one in the file.
    """

    chat_id: str
    title: str
    revision: int
    created_at: str
    last_updated: str
    messages: list[Message]
    extra: dict[str, msgspec.Raw] = {}
    current: str | None = None
    origin: Origin | None = None


class _Random:
    """Random bytes of the operating system, asked for by the page: a call for each id costs 7 µs."""

    def __init__(self) -> None:
        self._rest = b""

    def hex(self, count: int) -> str:
        """`count` bytes, hexadecimal, never given before."""
        if len(self._rest) < count:
            self._rest = os.urandom(4096)
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken.hex()


_random = _Random()


def is_chat_id(text: str) -> bool:
    """Whether `text` may name a chat."""
    return _CHAT_ID.match(text) is not None


def imported_id(origin: Origin) -> str:
    """The id of an imported chat whose own may not be one of ours, or is another's."""
    return f"imported-{digest(f'{origin.source} {origin.chat_id}')[:32]}"


def check_chat_id(chat_id: str) -> str:
    """Return `chat_id` when it may name a chat. Raises: InvalidChatId."""
    if not is_chat_id(chat_id):
        raise InvalidChatId("A chat id is 1 to 128 letters, digits, underscores or hyphens (A-Z a-z 0-9 _ -).")
    return chat_id


def check_revision(chat_id: str, present: int, revision: int | None) -> None:
    """Return when a change that is based on `revision` may be made, None is on any. Raises: RevisionConflict."""
    if revision is not None and revision != present:
        raise RevisionConflict(f"Chat {chat_id} has revision {present}, not {revision}.")


def denial_in(checks: Sequence[CheckResult] | None) -> CheckResult | None:
    """The first result that denies."""
    return next((result for result in checks or () if result.verdict == "deny"), None)


def text_of(content: str | list[msgspec.Raw]) -> str:
    """The text of a message's content; of a list of parts, the text parts joined by newlines."""
    if isinstance(content, str):
        return content
    return "\n".join(text for part in content if (text := _text_of_part(part)))


def _text_of_part(part: msgspec.Raw) -> str:
    """Empty for whatever is no text: people and other programs write these files too."""
    try:
        return msgspec.json.decode(part, type=_TextPart).text
    except ValueError:  # of msgspec, and of bytes that are not UTF-8
        return ""


def now() -> str:
    """The present as ISO 8601 in UTC with microseconds and `Z`; sorts as text."""
    return timestamp(datetime.now(UTC))


def timestamp(moment: datetime) -> str:
    """`moment` in the stored form. A moment without a zone is taken as UTC."""
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    moment = moment.astimezone(UTC)
    return f"{moment.year:04}{moment:-%m-%dT%H:%M:%S.%fZ}"


def is_timestamp(text: str) -> bool:
    """Whether `text` is a moment in the stored form."""
    return _TIMESTAMP.match(text) is not None


def new_id(prefix: Literal["msg", "run", "req"]) -> str:
    """A new id that sorts by its time of making (microseconds, then 64 random bits)."""
    return f"{prefix}_{time.time_ns() // 1000:014x}{_random.hex(8)}"


def digest(text: str) -> str:
    """SHA-256 of `text`, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def title_of(text: str) -> str:
    """A title: the first line of `text` that says something, cut to `_TITLE_CHARS` characters."""
    line = next((part for part in (" ".join(line.split()) for line in text.splitlines()) if part), "New chat")
    return line if len(line) <= _TITLE_CHARS else line[: _TITLE_CHARS - 1].rstrip() + "…"
