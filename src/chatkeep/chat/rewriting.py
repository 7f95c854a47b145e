"""Asking again: a reply made anew, or a message edited and asked. Nothing is overwritten; each begins a branch.

The chat's messages stay as they are. What is made is put behind them, and its first message names by `parent_id` what
it follows: a reply made anew the question, an edited question what stood before it (branch.py).
"""

from collections.abc import Sequence

import msgspec

from chatkeep.chat.continuation import Interrupting, first_question_at, path_named
from chatkeep.chat.images import Content, content_of, kept_parts, parts_of_images
from chatkeep.chat.messages import OnLeave
from chatkeep.chat.model import START, Chat, ChatKey, Idempotency, Message, denial_in, new_id, now
from chatkeep.chat.ports import RunRecord
from chatkeep.errors import Conflict, InvalidRequest


class RewriteRequest(msgspec.Struct, frozen=True):
    """Ask again in a chat. With `message` the user's message `message_id` is edited to it; else a reply is made anew.

    An edited message keeps its images when `images` is None; else those are its images, as images.py takes them.
    What is made anew is the reply `message_id`, or the one to the user's message of that id; None is the last of the
    active path. None of the rest leaves it to the reply that is made anew, the provider or the settings. `revision` is
    the one that the caller has seen, None for any. `if_busy` is as of a continuation.
    """

    chat_id: str
    message_id: str | None = None
    message: str | None = None
    images: Sequence[str] | None = None
    provider: str | None = None
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    system_prompt: str | None = None
    revision: int | None = None
    if_busy: Interrupting = "reject"
    on_leave: OnLeave = "continue"


class Question(msgspec.Struct, frozen=True):
    """What is asked: `user`, behind the message `parent_id`; with `asks_again` it is that message itself.

    `answered_by` is the reply that it had, None when there is none.
    """

    user: Message
    parent_id: str
    asks_again: bool
    answered_by: Message | None


def question_of(chat: Chat, request: RewriteRequest) -> Question:
    """What `request` asks in `chat`. Raises: InvalidRequest, Conflict when there is nothing to ask again."""
    path = path_named(chat, request.message_id)
    if request.message is not None:
        return _edited(path, request.message, request.images)
    last = path[-1] if path else None
    if last is None or last.role not in ("user", "assistant"):
        raise Conflict("There is no reply to be made anew, and no message that waits for one.")
    place = len(path) - 1 if last.role == "user" else first_question_at(path, len(path) - 1)
    user = path[place]
    if user.role != "user" or user.id is None:
        raise Conflict("The reply answers no message, so it cannot be made anew.")
    if denial_in(user.checks) is not None:
        raise Conflict("A check denied the message: it is sent to no model.")
    return Question(user, user.id, asks_again=True, answered_by=last if last.role == "assistant" else None)


def record_of_rewriting(
    key: ChatKey, request: RewriteRequest, asked: Question, provider: str, model: str, idempotency: Idempotency | None
) -> RunRecord:
    """What the run is that answers `asked`, with ids and times of its own."""
    return RunRecord(
        run_id=new_id("run"),
        owner=key.owner,
        chat_id=key.chat_id,
        message_id=new_id("msg"),
        user=asked.user,
        provider=provider,
        model=model,
        created_at=now(),
        system_prompt=request.system_prompt,
        temperature=request.temperature,
        max_tokens=request.max_tokens,
        idempotency=idempotency,
        parent_id=asked.parent_id,
        asks_again=asked.asks_again,
        cancel_on_leave=request.on_leave == "cancel",
    )


def edited_content(message: Message, text: str, images: Sequence[str] | None) -> Content:
    """What `message` says when it is edited so. Raises: InvalidRequest when that is nothing, or no images."""
    return content_of(text, kept_parts(message.content) if images is None else parts_of_images(images))


def _edited(path: Sequence[Message], text: str, images: Sequence[str] | None) -> Question:
    edited = path[-1] if path else None
    if edited is None or edited.role != "user":
        raise InvalidRequest(
            "Only a message of the user's can be edited.", errors=(("$.message_id", "is no message of the user's"),)
        )
    before = next((message.id for message in reversed(path[:-1]) if message.id), START)
    user = Message(role="user", content=edited_content(edited, text, images), id=new_id("msg"), timestamp=now())
    return Question(user, before, asks_again=False, answered_by=None)
