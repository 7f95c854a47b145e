"""Runs: look at one, follow its events, stop it."""

import re
from typing import Annotated

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import HeaderParameter, QueryParameter

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.caller import Caller
from chatkeep.api.event_stream import STREAMED, EventStream
from chatkeep.api.problems import documented
from chatkeep.api.reply import events_url
from chatkeep.api.schemas import RunAnswer, RunList, StopReceipt
from chatkeep.chat.follow import check_position
from chatkeep.chat.interface import ChatInterface
from chatkeep.chat.run import Run
from chatkeep.errors import InvalidRequest

LastEventId = Annotated[
    str | None,
    HeaderParameter(
        name="Last-Event-ID", required=False, description="Number of the last event seen; wins over `after`."
    ),
]
After = Annotated[int, QueryParameter(ge=-1, description="Only events above this number; -1 is from the beginning.")]


@get("/runs", opt=needs(Action.READ), summary="List the runs going on")
async def runs(caller: Caller) -> RunList:
    """The caller's runs that go on or wait, those outside any chat too."""
    return RunList([_run_answer(run) for run in caller.chat.live_runs(caller.owner)], success=True)


@get("/runs/{run_id:str}", opt=needs(Action.READ), summary="Look at a run", responses=documented(404, 500))
async def run(caller: Caller, run_id: str) -> RunAnswer:
    """The run's state, counts and figures."""
    return _run_answer(await caller.chat.run(caller.owner, run_id))


@get(
    "/runs/{run_id:str}/events",
    opt=needs(Action.READ),
    summary="Follow a run",
    responses={
        200: STREAMED,
        204: ResponseSpec(None, description="Nothing is left to see.", generate_examples=False),
        **documented(404, 410, 422, 500),
    },
)
async def events(caller: Caller, run_id: str, after: After = -1, last_event_id: LastEventId = None) -> Response[bytes]:
    """The run's events: what the client missed, then live, to the last one. 204 when there is nothing left to see."""
    found = await caller.chat.run(caller.owner, run_id)
    position = _position(last_event_id, after)
    check_position(found, position)
    if found.ended and position == found.last_event_id:
        return Response(b"", status_code=204)
    return EventStream(caller, found, position)


@post(
    "/runs/{run_id:str}/stop",
    opt=needs(Action.CHANGE),
    status_code=200,
    summary="Stop a run",
    responses=documented(404, 500),
)
async def stop(caller: Caller, run_id: str) -> StopReceipt:
    """Close the connection to the provider, keep the text there is, and say so. A finished run stays as it is."""
    return await stop_run(caller.chat, caller.owner, run_id)


HANDLERS = [runs, run, events, stop]


async def stop_run(chat: ChatInterface, owner: str, run_id: str) -> StopReceipt:
    """End the owner's run, and say what became of it. Raises: RunNotFound, StorageFailed."""
    found = await chat.stop(owner, run_id)
    usage = found.reply.usage
    return StopReceipt(
        run_id=found.run_id,
        state=found.state.value,
        upstream_closed=found.state.is_final,
        completion_tokens=usage.completion_tokens if usage else found.reply.tokens,
        success=True,
    )


def _run_answer(found: Run) -> RunAnswer:
    record, reply = found.record, found.reply
    return RunAnswer(
        run_id=found.run_id,
        chat_id=record.chat_id or msgspec.UNSET,
        message_id=record.message_id,
        state=found.state.value,
        provider=found.provider,
        model=found.model,
        created_at=record.created_at,
        event_count=found.last_event_id + 1,
        response_chars=len(found.visible_text),
        finish_reason=reply.finish_reason if found.state.is_final else None,
        error=found.problem.code if found.problem else None,
        usage=reply.usage,
        stats=reply.stats,
        events_url=events_url(found.run_id),
        success=True,
        checks=reply.checks or msgspec.UNSET,
        continues=record.continues or msgspec.UNSET,
    )


def _position(last_event_id: str | None, after: int) -> int:
    """Where to go on. An EventSource that saw nothing sends no header, or an empty one."""
    if not last_event_id:
        return after
    if not re.fullmatch(r"[0-9]{1,15}", last_event_id):
        raise InvalidRequest("Last-Event-ID is the number of an event.", errors=(("Last-Event-ID", "is no number"),))
    return int(last_event_id)
