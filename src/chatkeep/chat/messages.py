"""A message to a chat, and a chat's messages: what goes in and out by the door (interface.py)."""

from collections.abc import Sequence
from typing import Literal

import msgspec

from chatkeep.chat.images import content_of, parts_of_images
from chatkeep.chat.model import Chat, ChatKey, Idempotency, Message, ToolCall, new_id, now
from chatkeep.chat.ports import RunRecord
from chatkeep.chat.run import Run, RunState

IfBusy = Literal["enqueue", "reject", "interrupt", "rollback"]

OnLeave = Literal["continue", "cancel"]
"""What becomes of a run when the last connection that follows it is gone."""


class SendRequest(msgspec.Struct, frozen=True):
    """One message to a chat. None leaves it to the chat, the provider or the settings.

    `images` are data: URLs, as images.py takes them. `temperature` is 0 to 2, `max_tokens` at least 1. `if_busy`
    decides what happens when a run is going in the chat: wait for it, refuse, stop it and keep its text, or stop it and
    drop its turn.
    """

    message: str
    chat_id: str | None = None
    images: Sequence[str] = ()
    provider: str | None = None
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    system_prompt: str | None = None
    if_busy: IfBusy = "enqueue"
    on_leave: OnLeave = "continue"


class LiveTurn(msgspec.Struct, frozen=True):
    """The run going in a chat, at one instant: `text`, `reasoning` and `tool_calls` are what the events up to
    `last_event_id` made.

    `user` is the message that asks, None when it stands in the chat already; `continues` the id of the reply that this
    one goes on with, None for a reply of its own. `provider` and `model` are who answers, as far as is known.
    """

    run_id: str
    state: RunState
    message_id: str
    user: Message | None
    continues: str | None
    text: str
    reasoning: str
    tool_calls: list[ToolCall]
    last_event_id: int
    provider: str
    model: str


class History(msgspec.Struct, frozen=True):
    """The messages of a chat's active path, and from the same instant its live turn. `has_more`: older ones exist.

    The path of a chat with a live turn is the one that this goes on. `siblings` has by the id of a message all that
    follow the same one, itself with them, oldest first; what is alone is not in it.
    """

    chat: Chat
    messages: Sequence[Message]
    has_more: bool
    active: LiveTurn | None
    siblings: dict[str, list[str]]


def record_of(
    key: ChatKey, request: SendRequest, provider: str, model: str, idempotency: Idempotency | None
) -> RunRecord:
    """What the run is that answers `request`, with ids and times of its own. Raises: InvalidRequest."""
    moment = now()
    content = content_of(request.message, parts_of_images(request.images))
    return RunRecord(
        run_id=new_id("run"),
        owner=key.owner,
        chat_id=key.chat_id,
        message_id=new_id("msg"),
        user=Message(role="user", content=content, id=new_id("msg"), timestamp=moment),
        provider=provider,
        model=model,
        created_at=moment,
        system_prompt=request.system_prompt,
        temperature=request.temperature,
        max_tokens=request.max_tokens,
        idempotency=idempotency,
        cancel_on_leave=request.on_leave == "cancel",
    )


def live_turn(run: Run) -> LiveTurn:
    """`run` as it is now."""
    record = run.record
    return LiveTurn(
        run_id=run.run_id,
        state=run.state,
        message_id=record.message_id,
        user=None if record.asks_again else record.user,
        continues=record.continues,
        text=run.visible_text,
        reasoning=run.visible_reasoning,
        tool_calls=run.visible_tool_calls,
        last_event_id=run.last_event_id,
        provider=run.provider,
        model=run.model,
    )
