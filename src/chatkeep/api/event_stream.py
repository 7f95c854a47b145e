"""A run's events as a server-sent event stream."""

from litestar.openapi.datastructures import ResponseSpec

from chatkeep.api.caller import Caller
from chatkeep.api.run_stream import RunStream
from chatkeep.chat.follow import follow
from chatkeep.chat.run import Run

STREAMED = ResponseSpec(str, description="The run's events.", media_type="text/event-stream", generate_examples=False)
"""Describes an answer that is an event stream."""


class EventStream(RunStream):
    """Sends `run`'s events above `after` until its last one."""

    def __init__(self, caller: Caller, run: Run, after: int = -1) -> None:
        super().__init__(caller, run, "text/event-stream; charset=utf-8", follow(run, after))
