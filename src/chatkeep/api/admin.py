"""What admins see of everybody: by routes of their own, so that no other route ever shows another's things.

Each look is noted in the audit log.
"""

import asyncio
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from chatkeep.access.audit import AuditEntry, AuditTrail
from chatkeep.access.keys import check_owner
from chatkeep.access.policy import Action, check
from chatkeep.api.admission import needs, subject_of
from chatkeep.api.caller import Caller
from chatkeep.api.chats import chat_history, chat_list
from chatkeep.api.problems import AnyRequest, documented
from chatkeep.api.runs import stop_run
from chatkeep.api.schemas import ChatList, HistoryAnswer, StopReceipt
from chatkeep.errors import RunNotFound

Trail = NamedDependency[SkipValidation[AuditTrail]]
Limit = Annotated[int, QueryParameter(ge=1, le=1000, description="At most this many.")]
LimitOrAll = Annotated[int | None, QueryParameter(ge=1, le=1000, description="At most this many. Left out, all.")]
Owner = Annotated[str, QueryParameter(description="Whose chats: the owner of a key, empty for the folder itself.")]


class AuditAnswer(msgspec.Struct, frozen=True):
    """What was done last, newest first."""

    entries: list[AuditEntry]
    success: bool


class EverybodysRun(msgspec.Struct, frozen=True):
    """A run that is going or waiting, without its text."""

    run_id: str
    owner: str
    chat_id: str
    state: str
    provider: str
    model: str
    created_at: str


class EverybodysRuns(msgspec.Struct, frozen=True):
    """Every run that is going or waiting, in the order they were taken."""

    runs: list[EverybodysRun]
    success: bool


@get("/admin/audit", opt=needs(Action.AUDIT), summary="What was done", responses=documented(422, 500))
async def audit(trail: Trail, limit: Limit = 100) -> AuditAnswer:
    """The audit log's last entries: who did what, which chat, when. Of a long log its last 8 MB are looked through."""
    return AuditAnswer(await asyncio.to_thread(trail.newest, limit), success=True)


@get("/admin/runs", opt=needs(Action.AUDIT), summary="Everybody's live runs")
async def runs(caller: Caller) -> EverybodysRuns:
    """Runs of all owners that are going or waiting."""
    live = [
        EverybodysRun(
            run.run_id,
            run.record.owner,
            run.record.chat_id,
            run.state.value,
            run.provider,
            run.model,
            run.record.created_at,
        )
        for run in caller.chat.live_runs(None)
    ]
    return EverybodysRuns(live, success=True)


@get("/admin/chats", opt=needs(Action.AUDIT), summary="An owner's chats", responses=documented(422, 500))
async def chats(
    request: AnyRequest, caller: Caller, owner: Owner, limit: Limit = 1000, cursor: str | None = None
) -> ChatList:
    """One page of somebody's chats, newest first."""
    return await chat_list(caller.chat, _audited(request, owner), limit, cursor)


@get(
    "/admin/chats/{chat_id:str}",
    opt=needs(Action.AUDIT),
    summary="Read an owner's chat",
    responses=documented(404, 422, 500),
)
async def chat(
    request: AnyRequest,
    caller: Caller,
    chat_id: str,
    owner: Owner,
    before: Annotated[str | None, QueryParameter(description="Only messages before the one with this id.")] = None,
    limit: LimitOrAll = None,
) -> HistoryAnswer:
    """Somebody's chat, as its owner sees it."""
    return await chat_history(caller.chat, _audited(request, owner), chat_id, before, limit)


@post(
    "/admin/runs/{run_id:str}/stop",
    opt=needs(Action.AUDIT),
    status_code=200,
    summary="Stop anybody's run",
    responses=documented(404, 500),
)
async def stop(request: AnyRequest, caller: Caller, run_id: str) -> StopReceipt:
    """End a run that is going or waiting, whoever began it."""
    found = next((run for run in caller.chat.live_runs(None) if run.run_id == run_id), None)
    if found is None:
        raise RunNotFound(f"There is no run {run_id} that is going or waiting.")
    return await stop_run(caller.chat, _audited(request, found.record.owner), run_id)


HANDLERS = [audit, runs, chats, chat, stop]


def _audited(request: AnyRequest, owner: str) -> str:
    """`owner`, allowed and noted as the one who is looked at. Raises: Forbidden, InvalidRequest."""
    check(subject_of(request), Action.AUDIT, owner)
    request.scope["state"]["audited_owner"] = check_owner(owner)
    return owner
