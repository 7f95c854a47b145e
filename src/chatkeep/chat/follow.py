"""Follow a run: replay what the client missed, then live. Starting and stopping: interface.py."""

import asyncio
from collections.abc import AsyncGenerator

from chatkeep.chat.run import Run
from chatkeep.errors import RunExpired

PING = b": ping\n"
"""A comment line without a blank line of its own, so that it dispatches nothing in any parser."""

_PING_S = 10.0  # proxies drop silent streams: WHATWG HTML, section 9.2.7, authoring notes


def check_position(run: Run, after: int) -> None:
    """Return when `run` can be followed from event `after` on; -1 is from the beginning. Raises: RunExpired."""
    if after >= 0 and not run.replayable:
        raise RunExpired(
            f"The events of run {run.run_id} are no longer kept; its text stands in chat {run.record.chat_id}."
        )
    if after > run.last_event_id:
        raise RunExpired(f"Run {run.run_id} has no event {after}; its last one is {run.last_event_id}.")


async def follow(run: Run, after: int = -1, ping_s: float = _PING_S) -> AsyncGenerator[bytes, None]:
    """Yield the SSE events numbered above `after`, in order, those that came together as one piece, up to 64 KiB.

    Ends after the last event. A ping comes at once when there is nothing to send yet, and every
    `ping_s` seconds from then on. The caller has checked `after` with `check_position`.
    """
    loop = asyncio.get_running_loop()
    next_ping = loop.time()
    while True:
        piece, after = run.piece_after(after)
        if piece:
            yield piece
            # Race: more may have come while the reader took these, the last event too.
            continue
        if run.ended:
            return
        if next_ping <= loop.time():
            next_ping = loop.time() + ping_s
            yield PING
            continue
        try:
            async with asyncio.timeout_at(next_ping):
                await run.changed()
        except TimeoutError:
            continue


async def follow_text(run: Run) -> AsyncGenerator[str, None]:
    """Yield the reply's text from its beginning, in pieces as `follow` does; ends when `run` has ended."""
    after = -1
    while True:
        text, after = run.text_piece_after(after)
        if text:
            yield text
        elif run.ended:
            return
        else:
            await run.changed()


async def wait_for_text(run: Run) -> bool:
    """Return whether the reply has text, as soon as that is known: with its first text, or at the run's end."""
    after = -1
    while True:
        text, after = run.text_piece_after(after)
        if text:
            return True
        if run.ended:
            return False
        await run.changed()
