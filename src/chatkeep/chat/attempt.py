"""One attempt at a reply: what it failed with, if it did, and what it cost."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from chatkeep.chat.generate import uncancel
from chatkeep.chat.ports import Providers
from chatkeep.chat.run import Ending, Run
from chatkeep.errors import ChatkeepError

_logger = structlog.get_logger("chatkeep.turn")


async def attempt(
    run: Run,
    call: Callable[[], Awaitable[None]],
    providers: Providers,
    lost: Callable[[], ChatkeepError | None] = lambda: None,
) -> ChatkeepError | None:
    """Await `call` unless `run` was made to end before, and return what it failed with. Never raises.

    The task's cancellation is how a run is made to end: it is taken as done with. `lost` tells what else it was for.
    """
    failure: ChatkeepError | None = None
    try:
        if run.ending is None:
            await call()
    except asyncio.CancelledError:
        uncancel()
        failure = lost()
        if failure is None and run.ending is None:
            # Why: nobody here asked for it, so the event loop is being taken down, and the reply is not complete.
            run.ending = Ending.SHUTDOWN
    except ChatkeepError as exc:
        failure = exc
    except Exception as exc:
        _logger.exception("run_crashed")
        failure = ChatkeepError(f"The run ended by an unexpected {type(exc).__name__}.")
    run.reply.cost_usd = providers.cost_usd(run.provider, run.model, run.reply.count())
    return failure
