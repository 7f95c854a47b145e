"""Search: the caller's own messages, best first."""

from typing import Annotated

import msgspec
from litestar import get
from litestar.params import QueryParameter
from msgspec import Meta

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.caller import Caller
from chatkeep.api.problems import documented
from chatkeep.chat.ports import MARK_END, MARK_START, MOST_FOUND
from chatkeep.chat.query import MOST_CHARS, MOST_ITEMS

_MOST = 100  # results a page
_FURTHEST = 10_000  # a client may page on without knowing how many are counted; what is beyond those is empty

_SYNTAX = (
    'Words that must all occur, also inside longer ones from three characters on; `"an exact phrase"`; `-without`;'
    f" `one OR other`. At most {MOST_CHARS:,} characters and {MOST_ITEMS} words."
)
_MARKS = f"U+{ord(MARK_START):04X} and U+{ord(MARK_END):04X}"


class SearchResult(msgspec.Struct, frozen=True):
    """A message that matches."""

    chat_id: str
    title: Annotated[str, Meta(description="The chat's.")]
    message_id: str
    role: str
    snippet: Annotated[str, Meta(description=f"Plain text, not HTML; each hit stands between {_MARKS}.")]
    score: Annotated[float, Meta(description="Higher is better; only comparable within one answer.")]
    timestamp: str | None


class SearchAnswer(msgspec.Struct, frozen=True):
    """A page of the matches."""

    results: list[SearchResult]
    total: Annotated[int, Meta(description=f"All matches, counted to {MOST_FOUND:,}.")]
    incomplete: Annotated[bool, Meta(description="There may be more than `total`: not all was looked at.")]


@get("/search", opt=needs(Action.READ), summary="Search messages", responses=documented(422, 500, 503, 507))
async def search(
    caller: Caller,
    text: Annotated[str, QueryParameter(name="query", description=_SYNTAX)],  # Litestar keeps the name for itself
    limit: Annotated[int, QueryParameter(ge=1, le=_MOST, description="At most this many.")] = 10,
    offset: Annotated[int, QueryParameter(ge=0, le=_FURTHEST, description="Leave out this many of the best.")] = 0,
) -> SearchAnswer:
    """One page of the messages that match, best first, and equals newest first."""
    page = await caller.chat.search(caller.owner, text, limit=limit, offset=offset)
    results = [
        SearchResult(hit.chat_id, hit.title, hit.message_id, hit.role, hit.snippet, hit.score, hit.timestamp)
        for hit in page.results
    ]
    return SearchAnswer(results, page.total, page.incomplete)


HANDLERS = [search]
