"""A finished run made anew from its stored reply, when its events are no longer kept."""

from chatkeep.chat.ending import last_event
from chatkeep.chat.events import Delta
from chatkeep.chat.model import Chat, Message, Stats, Usage
from chatkeep.chat.ports import RunRecord, StoredRun
from chatkeep.chat.run import Run, RunState
from chatkeep.chat.seal import question_of, reply_in
from chatkeep.errors import RunNotFound, error_of

_NO_USAGE = Usage(0, 0, 0, estimated=True)
_NO_STATS = Stats(None, 0.0, None)


def replay(stored: StoredRun, chat: Chat) -> Run:
    """The run as `start`, one delta with the whole text, and its end. Raises: RunNotFound."""
    message = reply_in(chat, stored.run_id)
    if message is None:
        raise RunNotFound(f"There is no run {stored.run_id}.")
    record = _record(stored, chat, message)
    run = Run(record)
    run.replayable = False
    run.state = RunState.of_reply(message.status or "complete")
    run.begin()
    if message.text:
        run.take(Delta(message.text))
        run.reply.add(Delta(message.text))
    reply = run.reply
    reply.finish_reason, reply.checks = message.finish_reason, message.checks or []
    reply.usage, reply.stats = message.usage or _NO_USAGE, message.stats or _NO_STATS
    if run.state in (RunState.FAILED, RunState.INTERRUPTED):
        run.fail(error_of(message.error, "The run did not complete. What it had is kept."))
    run.take(last_event(run))
    run.reveal_all()
    return run


def _record(stored: StoredRun, chat: Chat, reply: Message) -> RunRecord:
    user = question_of(chat, reply) or Message(role="user", content="")
    return RunRecord(
        run_id=stored.run_id,
        owner=stored.key.owner,
        chat_id=stored.key.chat_id,
        message_id=reply.id or stored.message_id,
        user=user,
        provider=reply.provider or "",
        model=reply.model or "",
        created_at=user.timestamp or chat.created_at,
        idempotency=reply.idempotency,
        continues=reply.continues,
    )
