"""What the views take and give, as the contract names it."""

from typing import Annotated, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, UnsetType

from chatkeep.chat.continuation import Interrupting
from chatkeep.chat.images import MOST_IMAGES
from chatkeep.chat.messages import IfBusy, OnLeave
from chatkeep.chat.model import CheckResult, Message, ReplyStatus, Role, Stats, ToolCall, Usage
from chatkeep.chat.run import RunState

Text = Annotated[str, Meta(min_length=1)]
# Why text to msgspec: a command reads also what a newer server says.
StateName = Annotated[str, Meta(extra_json_schema={"enum": [state.value for state in RunState]})]
RoleName = Annotated[str, Meta(extra_json_schema={"enum": list(get_args(Role))})]
StatusName = Annotated[str, Meta(extra_json_schema={"enum": list(get_args(ReplyStatus))})]
ContentPart = Annotated[
    msgspec.Raw,
    Meta(
        description="In OpenAI's form: `text`, `image_url`, or what another program put there.",
        extra_json_schema={
            "type": "object",
            "properties": {
                "type": {"type": "string"},
                "text": {"type": "string"},
                "image_url": {"type": "object", "properties": {"url": {"type": "string"}}, "required": ["url"]},
            },
        },
    ),
]
Images = Annotated[
    list[str],
    Meta(
        max_length=MOST_IMAGES,
        description="PNG, JPEG, WebP or GIF, each as a `data:` URL in base64.",
        examples=[["data:image/png;base64,iVBORw0KGgo="]],
    ),
]

Provider = Annotated[str | None, Meta(description="Left out, the default provider.")]
Model = Annotated[str | None, Meta(description="`model` or `provider/model`. Left out, the default.")]
Temperature = Annotated[float, Meta(ge=0, le=2)]
Stream = Annotated[bool, Meta(description="Answer with server-sent events.")]
Background = Annotated[bool, Meta(description="Answer 202 at once; the run goes on by itself.")]
MaxTokens = Annotated[int, Meta(ge=1, le=10_000_000)]
RevisionNumber = Annotated[int, Meta(ge=0)]
Revision = Annotated[
    RevisionNumber | None,
    Meta(description="The revision that this is based on: 409 when the chat has another one. Left out, any."),
]
LeavePolicy = Annotated[
    OnLeave,
    Meta(
        description="When the last connection that follows the run is gone before its end: let it go on, or stop it"
        " and keep its text, unless another one comes within 3 s."
    ),
]


class SendBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /chat`. Only `message` is required."""

    message: Annotated[
        str,
        Meta(
            description="What the user says; may be empty when there are images.",
            examples=["Tell me a fun fact about space"],
        ),
    ]
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
    stream: Stream = False
    background: Background = False
    if_busy: Annotated[
        IfBusy,
        Meta(
            description="When a run is going in the chat: wait for it, refuse with 409, stop it and keep its text,"
            " or stop it and drop its turn."
        ),
    ] = "enqueue"
    on_leave: LeavePolicy = "continue"
    images: Images | UnsetType = UNSET


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
    stream: Stream = False
    background: Background = False
    if_busy: Annotated[
        Interrupting,
        Meta(
            description="When a run is going in the chat: refuse with 409, stop it and go on with its text, or stop it"
            " and drop its turn."
        ),
    ] = "reject"
    on_leave: LeavePolicy = "continue"


class _AskingAgain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    provider: Annotated[str | None, Meta(description="Left out, who made the reply, else the default.")] = None
    model: Annotated[
        str | None, Meta(description="`model` or `provider/model`. Left out, who made the reply, else the default.")
    ] = None
    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    system_prompt: Annotated[str | None, Meta(description="In place of the chat's own, for this turn only.")] = None
    revision: Revision = None
    stream: Stream = False
    background: Background = False
    if_busy: Annotated[
        Interrupting,
        Meta(
            description="When a run is going in the chat: refuse with 409, stop it and keep its text, or stop it and"
            " drop its turn."
        ),
    ] = "reject"
    on_leave: LeavePolicy = "continue"


class RegenerateBody(_AskingAgain, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`POST /chat/regenerate/{chat_id}`. Nothing is required: `{}` makes the chat's last reply anew."""

    message_id: Annotated[
        str | None, Meta(description="The reply, or the user's message that it answers. Left out, the last reply.")
    ] = None


class EditBody(_AskingAgain, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`POST /chat/edit/{chat_id}`: ask what the user's message `message_id` should have asked."""

    message_id: Annotated[Text, Meta(description="The user's message that is edited; it is kept.")]
    message: Annotated[str, Meta(description="What the user says instead; may be empty when there are images.")]
    images: Annotated[
        Images | UnsetType,
        Meta(description="As of a message. Left out, those of the message that is edited are kept; `[]` drops them."),
    ] = UNSET


class RenameBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`PATCH /chat/rename/{chat_id}`."""

    title: Annotated[str, Meta(min_length=1, max_length=200, examples=["Space facts"])]
    revision: Revision = None


class SystemPromptBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`PATCH /chat/system-prompt/{chat_id}`."""

    system_prompt: Annotated[str, Meta(description="Empty takes it away.", examples=["Answer in one sentence."])]
    revision: Revision = None


class BranchBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /chat/branch/{chat_id}`: the newest path through the message becomes the active one."""

    message_id: Text
    revision: Revision = None


class ForkBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /chat/fork/{chat_id}`: a new chat up to and with the message."""

    message_id: Text
    chat_id: Annotated[str | None, Meta(description="Of the new chat. Left out, one is made.")] = None
    revision: Revision = None


class ChangedAnswer(msgspec.Struct, frozen=True):
    """The chat as it is now, after a change that asked no model."""

    chat_id: str
    title: str
    revision: int
    message_count: Annotated[int, Meta(description="Messages on the active path.")]
    success: bool


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
    checks: list[CheckResult] | UnsetType = UNSET
    continues: str | UnsetType = UNSET


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
    """The turn that is going: follow it from `last_event_id` on to see the rest of `response`, `reasoning` and
    `tool_calls`, gap and overlap free.

    `continues` is the message that `response` goes on with, where that one ends; a reply of its own has none.
    """

    run_id: str
    state: StateName
    message_id: str
    message: Annotated[str | None, Meta(description="What the user says; null when it is in the history already.")]
    response: str
    last_event_id: int
    events_url: str
    continues: str | UnsetType = UNSET
    images: Annotated[list[str], Meta(description="Those that came with `message`, as `data:` URLs.")] = []
    reasoning: str = ""
    tool_calls: list[ToolCall] = []
    provider: str = ""
    model: str = ""


class Branch(msgspec.Struct, frozen=True):
    """A message is the `number`th of `count` that follow the same message; `message_ids` are all, oldest first."""

    number: int
    count: int
    message_ids: list[str]


class ShownMessage(msgspec.Struct, frozen=True, omit_defaults=True):
    """A stored message, without what is ours alone. `branch` is there when other messages follow the same one.

    `continues` is the id of the reply that this one goes on with, where that one ends. A user's message that has it was
    written by chatkeep, to ask for that. `tool_calls` are the functions that a reply wants called, `tool_call_id` is
    the call that a message of the role `tool` answers.
    """

    role: RoleName
    content: str | list[ContentPart]
    id: str | None = None
    timestamp: str | None = None
    run_id: str | None = None
    provider: str | None = None
    model: str | None = None
    status: StatusName | None = None
    finish_reason: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] | None = None
    tool_call_id: str | None = None
    continues: str | None = None
    usage: Usage | None = None
    stats: Stats | None = None
    error: str | None = None
    checks: list[CheckResult] | None = None
    parent_id: str | None = None
    original_id: str | None = None
    branch: Branch | None = None

    @classmethod
    def of(cls, message: Message, siblings: dict[str, list[str]]) -> "ShownMessage":
        """What a client sees of `message`; `siblings` are the ids of those that are not alone, with their own."""
        beside = siblings.get(message.id or "")
        branch = Branch(beside.index(message.id or "") + 1, len(beside), beside) if beside else None
        return cls(**{name: getattr(message, name) for name in _SHOWN}, branch=branch)


_SHOWN = [name for name in ShownMessage.__struct_fields__ if name != "branch"]


class ShownChat(msgspec.Struct, frozen=True):
    """A chat's stored messages, oldest first. `has_more`: there are older ones, before the first of these.

    `system_prompt` is what the system says at the chat's beginning, empty for nothing.
    """

    created_at: str
    last_updated: str
    title: str
    revision: int
    messages: list[ShownMessage]
    has_more: bool
    system_prompt: str = ""


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
    chat_id: str | UnsetType
    message_id: str
    state: StateName
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
    checks: list[CheckResult] | UnsetType = UNSET
    continues: str | UnsetType = UNSET


class RunList(msgspec.Struct, frozen=True):
    """The runs that go on or wait, in the order they were taken."""

    runs: list[RunAnswer]
    success: bool


class StopReceipt(msgspec.Struct, frozen=True):
    """What became of the run. `upstream_closed`: no connection to the provider is open for it."""

    run_id: str
    state: StateName
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
