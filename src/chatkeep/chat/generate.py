"""Call the provider for one run, under the limits, and keep what it says."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from typing import assert_never

from chatkeep.chat.events import Delta, Finish, ProviderEvent, Reasoning, Retry, UsageReport
from chatkeep.chat.guard import Limits, Watch
from chatkeep.chat.loops.loop_guard import LoopGuard
from chatkeep.chat.model import ToolCall
from chatkeep.chat.ports import Provider, ProviderRequest
from chatkeep.chat.run import Run
from chatkeep.errors import ProviderFailed

Publish = Callable[[Run, Retry | Delta | Reasoning | ToolCall | UsageReport], None]
_LoopGuards = Mapping[type[ProviderEvent], LoopGuard]


async def generate(
    run: Run, provider: Provider, request: ProviderRequest, limits: Limits, ends_at: float, publish: Publish
) -> None:
    """Fill `run.reply` from the provider's stream and publish each event. The connection is closed on return.

    Text and reasoning are each watched for loops by themselves. A tool call comes whole: there is nothing to stop.
    `ends_at` is when the run's time is over, on the loop's clock.

    Raises: what the provider raises, ProviderTimedOut when a limit was passed, ProviderFailed when the
    stream ended without its end. CancelledError passes.
    """
    guards: _LoopGuards = {Delta: LoopGuard(), Reasoning: LoopGuard()} if limits.loop_guard else {}
    watch = Watch(limits, provider.name, ends_at)
    try:
        with watch:
            async with aclosing(provider.stream(request)) as events:
                async for event in events:
                    watch.touch()
                    _keep(run, event, limits, guards, publish)
                    if run.reply.finish_reason is not None:
                        return
    except asyncio.CancelledError:
        if watch.expired is None or run.ending is not None:
            raise
        uncancel()
        raise watch.expired from None
    raise ProviderFailed(f"{provider.name} ended its reply without saying that it was done.")


def uncancel() -> None:
    """The current task's cancellation has been dealt with: it goes on."""
    task = asyncio.current_task()
    while task is not None and task.uncancel():
        pass


def _keep(run: Run, event: ProviderEvent, limits: Limits, guards: _LoopGuards, publish: Publish) -> None:
    reply = run.reply
    # Why publish first: text that cannot be encoded ends the run, and must not be in what is stored of it.
    match event:
        case Delta(text=text) | Reasoning(text=text):
            if not text:
                return
            publish(run, event)
            reply.add(event)
            guard = guards.get(type(event))
            if guard is not None and guard.feed(text):
                reply.finish_reason = "loop"
        case ToolCall() | UsageReport():
            publish(run, event)
            reply.add(event)
        case Finish(reason=reason):
            reply.finish_reason = reason
            return
        case _:
            assert_never(event)
    if reply.length > limits.max_output_chars:
        reply.finish_reason = "length"
