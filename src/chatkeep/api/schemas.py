"""What the views take and give, as the contract names it."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from chatkeep.chat.continuation import Interrupting
from chatkeep.chat.messages import IfBusy, OnLeave
from chatkeep.chat.model import CheckResult, Message, Stats, Usage

Text = Annotated[str, Meta(min_length=1)]


Provider = Annotated[str | None, Meta(description="Left out, the default provider.")]
Model = Annotated[str | None, Meta(description="`model` or `provider/model`. Left out, the default.")]
Temperature = Annotated[float, Meta(ge=0, le=2)]
MaxTokens = Annotated[int, Meta(ge=1, le=10_000_000)]
LeavePolicy = Annotated[
    OnLeave,
    Meta(
        description="When the last connection that follows the run is gone before its end: let it go on, or stop it"
        " and keep its text, unless another one comes within 3 s."
    ),
]


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
    on_leave: LeavePolicy = "continue"


class ContinueBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /chat/continue/{chat_id}`. Nothing is required: `{}` goes on with the chat's last reply."""

    message_id: Annotated[
        str | None, Meta(description="The reply that is meant: 409 when it is not the chat's last message.")
    ] = None
    provider: Annotated[str | None, Meta(description="Left out, who began the reply.")] = None
    model: Annotated[str | None, Meta(description="`model` or `provider/model`. Left out, who began the reply.")] = None
    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    prefill: Annotated[
        bool | None,
        Meta(
            description="Whether the model goes on by itself, with no message between: 422 when it cannot. Left out, it"
            " does when it can, and is else asked to go on by a message, which is kept."
        ),
    ] = None
    stream: Annotated[bool, Meta(description="Answer with server-sent events.")] = False
    background: Annotated[bool, Meta(description="Answer 202 at once; the run goes on by itself.")] = False
    if_busy: Annotated[
        Interrupting,
        Meta(
            description="When a run is going in the chat: refuse with 409, stop it and go on with its text, or stop it"
            " and drop its turn."
        ),
    ] = "reject"
    on_leave: LeavePolicy = "continue"


class SendAnswer(msgspec.Struct, frozen=True):
    """The reply, whole and on disk; of a continuation, what came after the reply `continues`.

    `checks` of it are left out when none were made.
    """

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
    checks: list[CheckResult] | msgspec.UnsetType = msgspec.UNSET
    continues: str | msgspec.UnsetType = msgspec.UNSET


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
    """The turn that is going: follow it from `last_event_id` on to see the rest of `response`, gap and overlap free.

    `continues` is the message that `response` goes on with, where that one ends; a reply of its own has none.
    """

    run_id: str
    state: str
    message_id: str
    message: Annotated[str | None, Meta(description="What the user says; null when it is in the history already.")]
    response: str
    last_event_id: int
    events_url: str
    continues: str | msgspec.UnsetType = msgspec.UNSET


class ShownMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored message, without what is ours alone.

    `continues` is the id of the reply that this one goes on with, where that one ends. A user's message that has it was
    written by chatkeep, to ask for that.
    """

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
    continues: str | None = None
    usage: Usage | None = None
    stats: Stats | None = None
    error: str | None = None
    checks: list[CheckResult] | None = None
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
    """A run as it is now. `event_count` is how many events can be followed. A run outside any chat has no `chat_id`.

    `checks` are those of the reply that were made before it was stored, left out when there are none.
    `continues` is the id of the reply that its own goes on with; a reply of its own has none.
    """

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
    checks: list[CheckResult] | msgspec.UnsetType = msgspec.UNSET
    continues: str | msgspec.UnsetType = msgspec.UNSET


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
