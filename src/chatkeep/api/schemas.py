"""What the views take and give, as the contract names it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chatkeep.chat.messages import IfBusy
from chatkeep.chat.model import Message, Stats, Usage

Text = Annotated[str, Meta(min_length=1)]


Provider = Annotated[str | None, Meta(description="Left out, the default provider.")]
Model = Annotated[str | None, Meta(description="`model` or `provider/model`. Left out, the default.")]
Temperature = Annotated[float, Meta(ge=0, le=2)]
MaxTokens = Annotated[int, Meta(ge=1, le=10_000_000)]


class SendBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /chat`. Only `message` is required."""

    message: Annotated[Text, Meta(description="What the user says.", examples=["Tell me a fun fact about space"])]
    chat_id: Annotated[
        str | None,
        Meta(description="1 to 128 of A-Z a-z 0-9 _ -. Left out, a new chat is made.", examples=["space-facts"]),
    ] = None
    provider: Provider = None
    model: Model = None
    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    system_prompt: Annotated[
        str | None,
        Meta(description="Begins a new chat in place of the default prompt; in an existing chat, for this turn only."),
    ] = None
    stream: Annotated[bool, Meta(description="Answer with server-sent events.")] = False
    background: Annotated[bool, Meta(description="Answer 202 at once; the run goes on by itself.")] = False
    if_busy: Annotated[
        IfBusy,
        Meta(
            description="When a run is going in the chat: wait for it, refuse with 409, stop it and keep its text,"
            " or stop it and drop its turn."
        ),
    ] = "enqueue"


class SendAnswer(msgspec.Struct, frozen=True):
    """The reply, whole and on disk."""

    response: str
    chat_id: str
    success: bool
    run_id: str
    message_id: str
    provider: str
    model: str
    finish_reason: str
    usage: Usage
    stats: Stats


class BackgroundAnswer(msgspec.Struct, frozen=True):
    """The message is on disk and the run goes on; follow it at `events_url`."""

    run_id: str
    chat_id: str
    events_url: str
    success: bool


class ChatRow(msgspec.Struct, frozen=True):
    """A chat in a list. `active_run`: the id of the run going in it."""

    created_at: str
    last_updated: str
    message_count: int
    title: str
    provider: str | None
    model: str | None
    active_run: str | None


class ChatList(msgspec.Struct, frozen=True):
    """One page of chats by id, newest first. `next_cursor` gives the next page, null at the end."""

    chats: dict[str, ChatRow]
    next_cursor: str | None
    success: bool


class ActiveRun(msgspec.Struct, frozen=True):
    """The turn that is going: follow it from `last_event_id` on to see the rest of `response`, gap and overlap free."""

    run_id: str
    state: str
    message_id: str
    message: str
    response: str
    last_event_id: int
    events_url: str


class ShownMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored message, without what is ours alone."""

    role: str
    content: str | list[msgspec.Raw]
    id: str | None = None
    timestamp: str | None = None
    run_id: str | None = None
    provider: str | None = None
    model: str | None = None
    status: str | None = None
    finish_reason: str | None = None
    reasoning: str | None = None
    usage: Usage | None = None
    stats: Stats | None = None
    error: str | None = None
    parent_id: str | None = None

    @classmethod
    def of(cls, message: Message) -> "ShownMessage":
        """What a client sees of `message`."""
        return cls(**{name: getattr(message, name) for name in cls.__struct_fields__})


class ShownChat(msgspec.Struct, frozen=True):
    """A chat's stored messages, oldest first. `has_more`: there are older ones, before the first of these."""

    created_at: str
    last_updated: str
    title: str
    revision: int
    messages: list[ShownMessage]
    has_more: bool


class HistoryAnswer(msgspec.Struct, frozen=True):
    """A chat, and from the same instant the turn that is going in it."""

    chat_id: str
    history: ShownChat
    active_run: ActiveRun | None
    success: bool


class Confirmation(msgspec.Struct, frozen=True):
    """It is done."""

    message: str
    success: bool


class RunAnswer(msgspec.Struct, frozen=True):
    """A run as it is now. `event_count` is how many events can be followed. A run outside any chat has no `chat_id`."""

    run_id: str
    chat_id: str | msgspec.UnsetType
    message_id: str
    state: str
    provider: str
    model: str
    created_at: str
    event_count: int
    response_chars: int
    finish_reason: str | None
    error: str | None
    usage: Usage | None
    stats: Stats | None
    events_url: str
    success: bool


class RunList(msgspec.Struct, frozen=True):
    """The runs that go on or wait, in the order they were taken."""

    runs: list[RunAnswer]
    success: bool


class StopReceipt(msgspec.Struct, frozen=True):
    """What became of the run. `upstream_closed`: no connection to the provider is open for it."""

    run_id: str
    state: str
    upstream_closed: bool
    completion_tokens: int
    success: bool


class EndpointRow(msgspec.Struct, frozen=True):
    """One thing this server can do."""

    path: str
    method: str
    description: str


class ServiceAnswer(msgspec.Struct, frozen=True):
    """What this server is."""

    app_name: str
    version: str
    endpoints: list[EndpointRow]


class HealthAnswer(msgspec.Struct, frozen=True):
    """`state` is healthy when every configured provider is, degraded when some are, unhealthy when none is."""

    status: Literal["ok"]
    timestamp: str
    response_code: int
    state: Literal["healthy", "degraded", "unhealthy"]
    providers: dict[str, str]
    version: str


class ReadyAnswer(msgspec.Struct, frozen=True):
    """A message would be accepted now."""

    status: Literal["ready"]
    success: bool
