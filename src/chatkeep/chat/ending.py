"""How a run ends: its final state, its figures, and its last event."""

import structlog

from chatkeep.chat.events import Done, RunEvent
from chatkeep.chat.run import Ending, Run, RunState
from chatkeep.errors import ChatkeepError, RunInterrupted

_logger = structlog.get_logger("chatkeep.turn")


def conclude(run: Run, failure: ChatkeepError | None) -> None:
    """Fix how `run` ended, what it used and how long it took. What it was made to end by stands in `run.ending`."""
    if failure is None and run.ending is Ending.SHUTDOWN:
        failure = RunInterrupted("The server stopped while the reply was being written. What it had is kept.")
    if failure is None and run.ending is not None:
        run.reply.finish_reason = "stopped"
    run.reply.close()
    if failure is None:
        run.state = RunState.COMPLETED if run.ending is None else RunState.STOPPED
        return
    run.state = RunState.INTERRUPTED if isinstance(failure, RunInterrupted) else RunState.FAILED
    run.fail(failure)


def last_event(run: Run) -> RunEvent:
    """The event that ends `run`, whose ending is fixed."""
    if run.problem is not None:
        return run.problem
    reply = run.reply
    usage, stats = reply.close()
    return Done(
        finish_reason=reply.finish_reason or "stop",
        usage=usage,
        stats=stats,
        message_id=run.record.message_id,
        state=run.state.value,
        rolled_back=run.ending is Ending.ROLLBACK,
        checks=reply.checks,
    )


def log_end(run: Run) -> None:
    """One line for a run that has ended."""
    if run.problem is None:
        _logger.info("run_ended", state=run.state.value, finish_reason=run.reply.finish_reason)
    else:
        _logger.warning("run_ended", state=run.state.value, code=run.problem.code, provider=run.provider)
