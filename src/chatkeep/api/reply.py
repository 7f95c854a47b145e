"""How the reply of a run that was just begun is given: whole, as a stream, or later."""

from typing import Protocol

from litestar import Response
from litestar.openapi.datastructures import ResponseSpec
from msgspec import UNSET

from chatkeep.api.body import refuse_absent
from chatkeep.api.caller import Caller
from chatkeep.api.event_stream import EventStream
from chatkeep.api.problems import AnyRequest, documented, problem_response
from chatkeep.api.schemas import BackgroundAnswer, SendAnswer
from chatkeep.chat.messages import OnLeave
from chatkeep.chat.run import Run

ReplyResponse = Response[SendAnswer] | Response[BackgroundAnswer] | Response[bytes]


class AskingBody(Protocol):
    """What every body says that begins a run."""

    @property
    def stream(self) -> bool:
        """Answer with server-sent events."""
        ...

    @property
    def background(self) -> bool:
        """Answer at once."""
        ...

    @property
    def on_leave(self) -> OnLeave:
        """What becomes of the run when its last follower leaves."""
        ...


def replies(description: str) -> dict[int, ResponseSpec]:
    """The responses of a route that begins a run, for the API's description."""
    return {
        200: ResponseSpec(SendAnswer, description=description, generate_examples=False),
        202: ResponseSpec(BackgroundAnswer, description="The run goes on by itself.", generate_examples=False),
        **documented(404, 409, 413, 422, 500, 502, 503, 504, 507),
    }


def events_url(run_id: str) -> str:
    """Where a run's events are followed."""
    return f"/runs/{run_id}/events"


def check_following(request: AnyRequest, caller: Caller, body: AskingBody) -> bool:
    """Whether the answer is to be a stream. Raises: InvalidRequest, RateLimited, before a run is begun for it."""
    refuse_absent(background=body.background, on_leave=body.on_leave)
    streams = body.stream or "text/event-stream" in request.headers.get("accept", "")
    if streams and not body.background:
        caller.check_stream()
    return streams


async def answer_with(
    request: AnyRequest, caller: Caller, run: Run, *, streams: bool, background: bool
) -> ReplyResponse:
    """What there is to say of `run` in the way that was asked for: at once, as it comes, or at its end."""
    if background:
        return Response(
            BackgroundAnswer(run.run_id, run.record.chat_id, events_url(run.run_id), success=True), status_code=202
        )
    if streams:
        return EventStream(caller, run)
    await caller.ended(run)
    if run.problem is not None:
        return problem_response(request, run.problem)
    return Response(_answer(run))


def _answer(run: Run) -> SendAnswer:
    record, reply = run.record, run.reply
    usage, stats = reply.close()
    return SendAnswer(
        response=reply.text,
        chat_id=record.chat_id,
        success=True,
        run_id=run.run_id,
        message_id=record.message_id,
        provider=run.provider,
        model=run.model,
        finish_reason=reply.finish_reason or "stop",
        usage=usage,
        stats=stats,
        checks=reply.checks or UNSET,
        continues=record.continues or UNSET,
    )
