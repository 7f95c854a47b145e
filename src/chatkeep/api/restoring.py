"""Bring chats back: from the trash, or as they were some writes ago."""

from typing import Annotated

import msgspec
from litestar import get, post
from litestar.params import QueryParameter
from msgspec import Meta

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.caller import Caller
from chatkeep.api.problems import documented

_PAGE = 100  # deleted chats a page unless asked for fewer: each file is read
_MOST = 1000

Revision = Annotated[int, Meta(ge=0)]
Limit = Annotated[int, QueryParameter(ge=1, le=_MOST, description="At most this many.")]


class RestoreBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /chat/restore/{chat_id}`. Nothing is required: `{}` brings the chat back from the trash."""

    generation: Annotated[
        Revision | None,
        Meta(description="The revision to bring back, as `/chat/generations` lists it. Left out: from the trash."),
    ] = None
    revision: Annotated[Revision | None, Meta(description="409 when the chat, or the deleted one, has another.")] = None


class RestoreAnswer(msgspec.Struct, frozen=True):
    """The chat is back. `revision` is the one it has now."""

    message: str
    chat_id: str
    revision: int
    success: bool


class GenerationRow(msgspec.Struct, frozen=True):
    """What a chat was before. `generation` is the revision that it had then."""

    generation: int
    title: str
    last_updated: str
    message_count: int
    size_bytes: int


class GenerationList(msgspec.Struct, frozen=True):
    """What is kept of a chat, newest first: at most five."""

    generations: list[GenerationRow]
    success: bool


class TrashRow(msgspec.Struct, frozen=True):
    """A deleted chat. One whose file is no chat has an empty title and no messages."""

    chat_id: str
    title: str
    deleted_at: str
    message_count: int


class TrashList(msgspec.Struct, frozen=True):
    """One page of deleted chats, newest first. `next_cursor` gives the next page, null at the end."""

    chats: list[TrashRow]
    next_cursor: str | None
    success: bool


@post(
    "/chat/restore/{chat_id:str}",
    opt=needs(Action.CHANGE),
    status_code=200,
    summary="Bring a chat back",
    responses=documented(404, 409, 413, 422, 500, 507),
)
async def restore(caller: Caller, chat_id: str, data: RestoreBody) -> RestoreAnswer:
    """From the trash, or as it was at an earlier revision; then the present becomes an earlier generation."""
    chat = await caller.chat.restore(caller.owner, chat_id, generation=data.generation, revision=data.revision)
    place = "the trash" if data.generation is None else f"generation {data.generation}"
    return RestoreAnswer(f"Chat {chat_id} restored from {place}", chat_id, chat.revision, success=True)


@get(
    "/chat/generations/{chat_id:str}",
    opt=needs(Action.READ),
    summary="List what a chat was before",
    responses=documented(404, 422, 500),
)
async def generations(caller: Caller, chat_id: str) -> GenerationList:
    """The chat before its last writes, newest first: at most five."""
    kept = await caller.chat.generations(caller.owner, chat_id)
    rows = [
        GenerationRow(each.number, each.title, each.last_updated, each.message_count, each.size_bytes) for each in kept
    ]
    return GenerationList(rows, success=True)


@get("/chat/trash", opt=needs(Action.READ), summary="List deleted chats", responses=documented(422, 500))
async def trash(caller: Caller, limit: Limit = _PAGE, cursor: str | None = None) -> TrashList:
    """One page of the chats in the trash, newest first. The same id may be there several times."""
    page, following = await caller.chat.deleted(caller.owner, limit=limit, cursor=cursor)
    rows = [TrashRow(each.chat_id, each.title, each.deleted_at, each.message_count) for each in page]
    return TrashList(rows, following, success=True)


HANDLERS = [restore, generations, trash]
