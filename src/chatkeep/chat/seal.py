"""Put a run's turn, its question and its reply, into its chat."""

from collections.abc import Sequence

import msgspec

from chatkeep.chat.branch import appended, questions
from chatkeep.chat.images import title_for
from chatkeep.chat.model import Chat, ChatKey, Message, now
from chatkeep.chat.ports import ChatStore, RunRecord
from chatkeep.chat.run import Run
from chatkeep.errors import ChatNotFound


async def seal(store: ChatStore, run: Run, system_prompt: str) -> Message:
    """Append the run's turn to its chat, made with `system_prompt` when it has no file yet, and return the reply.

    After return the turn survives a power cut. A turn that is there already is left as it is, so doing it
    twice is harmless. Raises: StorageFailed; then the chat is as it was.
    """
    key = run.record.key
    async with store.editing(key):
        chat = await load_or_none(store, key)
        if chat is not None and (stored := reply_in(chat, run.run_id)) is not None:
            return stored
        reply = reply_of(run)
        await store.save(key, _with_turn(chat or new_chat(run.record, system_prompt), run, reply))
        return reply


async def load_or_none(store: ChatStore, key: ChatKey) -> Chat | None:
    """The chat, None when there is none. Raises: StorageFailed."""
    try:
        return await store.load(key)
    except ChatNotFound:
        return None


def reply_in(chat: Chat, run_id: str) -> Message | None:
    """The reply that `run_id` made in `chat`."""
    return next((message for message in reversed(chat.messages) if message.run_id == run_id), None)


def question_of(chat: Chat, reply: Message) -> Message | None:
    """The message that `reply`, which is in `chat`, answers."""
    return questions(chat, chat.messages.index(reply))[0]


def new_chat(record: RunRecord, system_prompt: str) -> Chat:
    """The chat that this run begins: titled after its first message, without a turn yet."""
    prompt = system_prompt_of(record, None, system_prompt)
    return Chat(
        chat_id=record.chat_id,
        title=title_for(record.user),
        revision=0,
        created_at=record.created_at,
        last_updated=record.created_at,
        messages=[Message(role="system", content=prompt)] if prompt else [],
    )


def system_prompt_of(record: RunRecord, before: Sequence[Message] | None, default: str) -> str:
    """The prompt of this turn: the one asked for with it, else that of the messages before it, else `default`.

    None is before the first turn of a chat.
    """
    if record.system_prompt is not None:
        return record.system_prompt
    if before is None:
        return default
    return prompt_in(before)


def prompt_in(messages: Sequence[Message]) -> str:
    """What the system says in `messages`."""
    return "\n\n".join(text for message in messages if message.role == "system" and (text := message.text))


def _user_of(run: Run) -> Message:
    user = run.record.user
    return msgspec.structs.replace(user, checks=run.question_checks) if run.question_checks else user


def _with_turn(chat: Chat, run: Run, reply: Message) -> Chat:
    """The chat with the turn behind its other messages, on a branch of its own unless it follows the last of them."""
    parent_id, turn = _turn_in(chat, run, reply)
    return msgspec.structs.replace(
        chat,
        revision=chat.revision + 1,
        last_updated=reply.timestamp or now(),
        messages=appended(chat, parent_id, turn),
        current=None,
    )


def _turn_in(chat: Chat, run: Run, reply: Message) -> tuple[str | None, list[Message]]:
    """What the turn follows, and what of it is not in the chat yet, which may have been changed by hand meanwhile."""
    record = run.record
    if not record.asks_again:
        return record.parent_id, [_user_of(run), reply]
    ids = {message.id for message in chat.messages}
    follows = next((name for name in (record.parent_id, record.user.id) if name in ids), None)
    return follows, [reply] if follows is not None else [_user_of(run), reply]


def reply_of(run: Run) -> Message:
    """The message that `run`, whose ending is fixed, leaves in its chat."""
    record, reply = run.record, run.reply
    return Message(
        role="assistant",
        content=reply.text,
        id=record.message_id,
        timestamp=now(),
        run_id=run.run_id,
        provider=run.provider,
        model=run.model,
        status=run.state.reply_status,
        finish_reason=reply.finish_reason,
        reasoning="".join(reply.reasoning) or None,
        tool_calls=reply.tool_calls or None,
        checks=reply.checks or None,
        continues=record.continues,
        usage=reply.usage,
        stats=reply.stats,
        error=run.problem.code if run.problem else None,
        idempotency=record.idempotency,
    )
