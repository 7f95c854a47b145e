"""The history of prompts and replies, over all chats."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter
from msgspec import UNSET, UnsetType

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.caller import Caller
from chatkeep.api.problems import documented
from chatkeep.chat.exchanges import Exchange, ExchangeStatus

_MOST_ROWS = 100
_MOST_OFFSET = 10_000  # a page costs as much as all before it: 90 ms there, and 0.05 ms at 0

Limit = Annotated[int, QueryParameter(ge=1, le=_MOST_ROWS, description="At most this many.")]
Offset = Annotated[int, QueryParameter(ge=0, le=_MOST_OFFSET, description="Pass over this many of the newest.")]


class HistoryRow(msgspec.Struct, frozen=True):
    """One prompt and its reply. `id` is the run's; `response` is what there is of the reply. `images` is how many the
    prompt has, left out when there are none.

    `status` is `complete` when that is all of it, `queued` or `running` while it is not, and else why it is not.
    """

    id: str
    prompt: str
    response: str
    created_at: str
    status: ExchangeStatus
    images: int | UnsetType = UNSET


@get("/history", opt=needs(Action.READ), summary="List prompts and replies", responses=documented(422, 500))
async def rows(caller: Caller, limit: Limit = 10, offset: Offset = 0) -> list[HistoryRow]:
    """One page of what was asked in all chats, newest first, with what was answered."""
    page = await caller.chat.exchanges(caller.owner, limit=limit, offset=offset)
    return [_row(exchange) for exchange in page]


@get(
    "/history/{run_id:str}",
    opt=needs(Action.READ),
    summary="Read one prompt and its reply",
    responses=documented(404, 500),
)
async def row(caller: Caller, run_id: str) -> HistoryRow:
    """One prompt and its reply, by the id of the run."""
    return _row(await caller.chat.exchange(caller.owner, run_id))


HANDLERS = [rows, row]


def _row(exchange: Exchange) -> HistoryRow:
    return HistoryRow(
        exchange.run_id,
        exchange.prompt,
        exchange.response,
        exchange.created_at,
        exchange.status,
        exchange.images or UNSET,
    )
