"""Going on with a reply that did not come to its end: which reply can be, and what is asked for it.

A continuation is a message of its own, which names in `continues` the reply it goes on with. When the model does so by
itself (prefill), or is asked the same question again because nothing had been said, it stands right behind that reply:
the two are pieces of one. Else a message that asks to go on stands between them.
"""

from collections.abc import Sequence
from typing import Literal

import msgspec

from chatkeep.chat.branch import Tree, active_path, path_to
from chatkeep.chat.messages import OnLeave
from chatkeep.chat.model import Chat, ChatKey, Idempotency, Message, denial_in, new_id, now
from chatkeep.chat.ports import Provider, RunRecord
from chatkeep.errors import Conflict, InvalidRequest

GO_ON = "Your last reply broke off before its end. Go on exactly where it stopped, and repeat nothing of it."
"""What a model is asked that cannot go on by itself."""

Interrupting = Literal["reject", "interrupt", "rollback"]


class ContinueRequest(msgspec.Struct, frozen=True):
    """Go on with the last reply of a chat; None leaves it to that reply, the provider or the settings.

    `message_id` is that reply's, and a safeguard: another one's is refused. `prefill` says whether the model is to go
    on by itself; None is where it can. `if_busy` is as of a message but for waiting: a reply that is going cannot be
    continued.
    """

    chat_id: str
    message_id: str | None = None
    provider: str | None = None
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    prefill: bool | None = None
    if_busy: Interrupting = "reject"
    on_leave: OnLeave = "continue"


def continued(chat: Chat, message_id: str | None) -> Message:
    """The reply in `chat` that is to go on.

    Raises: Conflict when it came to its end, is not the last message, or was denied; InvalidRequest when the chat has
    none such.
    """
    path = path_named(chat, message_id)
    last = path[-1] if path else None
    if last is None or last.role != "assistant" or not _ends_a_path(chat, last):
        raise Conflict("Only the last reply of a path can be continued, while no message follows it.")
    if last.status not in ("failed", "interrupted", "stopped") and last.finish_reason != "length":
        raise Conflict("The last reply came to its end: there is nothing to continue.")
    belonging = path[first_question_at(path, len(path) - 1) :]
    if any(denial_in(message.checks) is not None for message in belonging):
        raise Conflict("A check denied the last reply, or its question: that is sent to no model.")
    return last


def path_named(chat: Chat, message_id: str | None) -> Sequence[Message]:
    """The messages up to that one, None for all of the active path. Raises: InvalidRequest when there is none such."""
    path = active_path(chat) if message_id is None else path_to(chat, message_id) if message_id else None
    if path is None:
        raise InvalidRequest(
            f"The chat has no message {message_id!r}.", errors=(("$.message_id", "is no message of this chat"),)
        )
    return path


def check_last(chat: Chat | None, record: RunRecord) -> None:
    """Return when what `record` goes on with, if anything, still ends a path of `chat`. Raises: Conflict."""
    if record.continues is None:
        return
    path = path_to(chat, record.continues) if chat else None
    if chat is None or not path or not _ends_a_path(chat, path[-1]):
        raise Conflict("The chat was changed meanwhile: the reply to be continued ends no path of it any more.")


def record_of_continuation(
    key: ChatKey, request: ContinueRequest, chat: Chat, provider: Provider, model: str, idempotency: Idempotency | None
) -> RunRecord:
    """What the run is that goes on with the reply in `chat` that is meant. Raises: Conflict, InvalidRequest."""
    can_prefill = provider.can_prefill(model)
    if request.prefill and not can_prefill:
        raise InvalidRequest(
            f"The model {model} of {provider.name} cannot go on with a reply by itself.",
            errors=(("$.prefill", "cannot be done by this model"),),
        )
    moment = now()
    path = path_named(chat, request.message_id)
    begun = path[-1]
    question = question_at(path, len(path) - 1)
    if question is None:
        raise Conflict("The chat has no message that the last reply answers.")
    is_begun = bool(said_so_far(path))
    prefill = is_begun and (can_prefill if request.prefill is None else request.prefill)
    asks_again = prefill or not is_begun
    user = path[question]
    if not asks_again:
        user = Message(role="user", content=GO_ON, id=new_id("msg"), timestamp=moment, continues=begun.id)
    return RunRecord(
        run_id=new_id("run"),
        owner=key.owner,
        chat_id=key.chat_id,
        message_id=new_id("msg"),
        user=user,
        provider=provider.name,
        model=model,
        created_at=moment,
        temperature=request.temperature,
        max_tokens=request.max_tokens,
        idempotency=idempotency,
        parent_id=begun.id,
        asks_again=asks_again,
        continues=begun.id,
        prefill=prefill,
        cancel_on_leave=request.on_leave == "cancel",
    )


def first_piece(messages: Sequence[Message], place: int) -> int:
    """Where the message begins whose last piece is at `place`: there, unless it goes on with the one before it."""
    while place and _goes_on(messages[place - 1], messages[place]):
        place -= 1
    return place


def said_so_far(messages: Sequence[Message]) -> str:
    """The text of the last message, with all its pieces."""
    return joined(messages[first_piece(messages, len(messages) - 1) :])


def joined(pieces: Sequence[Message]) -> str:
    """The text of one message in pieces: nothing stands between them, for each went on where the one before ended."""
    return "".join(piece.text for piece in pieces)


def whole(messages: Sequence[Message], reply: Message) -> tuple[Message, Sequence[Message]]:
    """`reply`, which comes behind `messages`, with the text of the pieces before it, and what stands before them."""
    if reply.continues is None:
        return reply, messages
    begin = first_piece([*messages, reply], len(messages))
    return msgspec.structs.replace(reply, content=joined([*messages[begin:], reply])), messages[:begin]


def question_at(messages: Sequence[Message], place: int) -> int | None:
    """The place of the message that the reply at `place` answers; a continuation answers what its beginning does."""
    return next((earlier for earlier in range(place - 1, -1, -1) if messages[earlier].role == "user"), None)


def first_question_at(messages: Sequence[Message], place: int) -> int:
    """The place from which on everything belongs to the reply at `place`: of the question that its first piece answers.

    Messages that asked to go on, and what they got, lie between. Without a question, where the reply begins.
    """
    places = {message.id: number for number, message in enumerate(messages[:place])}
    while (before := places.get(messages[place].continues or "")) is not None and before < place:
        place = before
    question = question_at(messages, place)
    return place if question is None else question


def _ends_a_path(chat: Chat, message: Message) -> bool:
    tree = Tree(chat.messages)
    place = chat.messages.index(message)
    return tree.end_of(place) == place


def _goes_on(before: Message, message: Message) -> bool:
    return (
        message.role == before.role == "assistant" and message.continues is not None and message.continues == before.id
    )
