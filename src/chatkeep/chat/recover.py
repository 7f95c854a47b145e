"""At start: seal into their chats the runs that a crash left open, with all the text that was kept."""

from collections.abc import Callable

import structlog

from chatkeep.chat.checks.guardrails import Guardrails
from chatkeep.chat.ending import last_event
from chatkeep.chat.events import Delta, Reasoning
from chatkeep.chat.model import Message
from chatkeep.chat.ports import ChatStore, RunLog
from chatkeep.chat.recorder import Recorder
from chatkeep.chat.run import Run, RunState
from chatkeep.chat.seal import load_or_none, reply_in, seal
from chatkeep.errors import RunInterrupted, StorageFailed, error_of

_logger = structlog.get_logger("chatkeep.recover")


async def recover(
    store: ChatStore, log: RunLog, recorder: Recorder, guardrails: Guardrails, system_prompt: Callable[[], str]
) -> int:
    """Seal every unfinished run, oldest first, and return how many.

    One whose chat cannot be written keeps its journal, so that the next start tries again.
    """
    sealed = 0
    for record, lines in await log.unfinished():
        run = Run(record)
        run.resume(lines)
        try:
            await _seal_interrupted(store, run, guardrails, system_prompt())
        except StorageFailed as exc:
            _logger.error(
                "run_not_recovered", run_id=run.run_id, chat_id=record.chat_id, code=exc.code, detail=exc.detail
            )
            continue
        recorder.publish(run)
        await run.wait_ended()
        sealed += 1
        _logger.info("run_recovered", run_id=run.run_id, chat_id=record.chat_id, state=run.state.value)
    return sealed


async def _seal_interrupted(store: ChatStore, run: Run, guardrails: Guardrails, system_prompt: str) -> None:
    """Seal `run` and take its last event; a reply that got into its chat before the crash decides what that is."""
    if not run.frames:
        run.begin()
    run.state = RunState.INTERRUPTED
    run.reply.close()
    interrupted = RunInterrupted("The server ended while the reply was being written. What it had is kept.")
    run.fail(interrupted)
    chat = await load_or_none(store, run.record.key)
    if chat is None or reply_in(chat, run.run_id) is None:
        await guardrails.mark_turn(run, lambda: load_or_none(store, run.record.key))
    stored = await seal(store, run, system_prompt)
    _complete(run, stored)
    run.state = RunState.of_reply(stored.status or "complete")
    run.reply.finish_reason, run.reply.usage, run.reply.stats = stored.finish_reason, stored.usage, stored.stats
    run.reply.checks = stored.checks or []
    if run.state is RunState.FAILED:
        run.fail(error_of(stored.error, "The run failed just before the server ended. What it had is kept."))
    elif run.state is RunState.INTERRUPTED:
        run.fail(interrupted)
    else:
        run.problem = None
    run.take(last_event(run))


def _complete(run: Run, stored: Message) -> None:
    """Take what the chat has of the reply and the journal has not: a kill may come between the two."""
    for kind, kept, whole in (
        (Reasoning, "".join(run.reply.reasoning), stored.reasoning or ""),
        (Delta, run.reply.text, stored.text),
    ):
        if len(whole) > len(kept) and whole.startswith(kept):
            rest = kind(whole[len(kept) :])
            run.take(rest)
            run.reply.add(rest)
    for call in (stored.tool_calls or [])[len(run.reply.tool_calls) :]:
        run.take(call)
        run.reply.add(call)
