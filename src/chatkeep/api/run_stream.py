"""A response that follows a run."""

from collections.abc import AsyncGenerator

from chatkeep.api.caller import Caller
from chatkeep.api.live_response import LiveResponse
from chatkeep.chat.run import Run


class RunStream(LiveResponse):
    """Sends `pieces`, which follow `run`. A client that left concerns it only if it was told so (followers.py)."""

    def __init__(self, caller: Caller, run: Run, media_type: str, pieces: AsyncGenerator[bytes, None]) -> None:
        super().__init__(
            pieces,
            media_type=media_type,
            headers=names_of(run),
            connections=caller.connections,
            kind="stream",
            subject=caller.subject,
            around=caller.chat.followers.following(run),
        )


def names_of(run: Run) -> list[tuple[bytes, bytes]]:
    """The headers that say which run and which chat an answer is of."""
    named = (b"x-run-id", run.run_id), (b"x-chat-id", run.record.chat_id)
    return [(name, value.encode()) for name, value in named if value]
