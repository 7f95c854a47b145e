"""Chats: send, history, delete."""

from typing import Annotated

from litestar import delete, get, post
from litestar.params import QueryParameter
from msgspec import UNSET

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.body import IdempotencyKey, idempotency_of, refuse_nul
from chatkeep.api.caller import Caller
from chatkeep.api.problems import AnyRequest, documented
from chatkeep.api.reply import ReplyResponse, answer_with, check_following, events_url, replies
from chatkeep.api.schemas import (
    ActiveRun,
    ChatList,
    ChatRow,
    Confirmation,
    ContinueBody,
    HistoryAnswer,
    SendBody,
    ShownChat,
    ShownMessage,
)
from chatkeep.chat.continuation import ContinueRequest
from chatkeep.chat.editing import own_prompt
from chatkeep.chat.images import images_in
from chatkeep.chat.interface import ChatInterface
from chatkeep.chat.messages import LiveTurn, SendRequest

_PAGE = 1000  # chats a page unless asked for fewer

Limit = Annotated[int, QueryParameter(ge=1, le=_PAGE, description="At most this many.")]
LimitOrAll = Annotated[int | None, QueryParameter(ge=1, le=_PAGE, description="At most this many. Left out, all.")]


@post(
    "/chat",
    opt=needs(Action.TALK, "text/event-stream"),
    status_code=200,
    summary="Send a message",
    responses=replies("The reply, or its event stream."),
)
async def send(
    request: AnyRequest, caller: Caller, data: SendBody, idempotency_key: IdempotencyKey = None
) -> ReplyResponse:
    """Take a message and answer with the reply: whole, as a stream, or later."""
    refuse_nul(data)
    streams = check_following(request, caller, data)
    run = await caller.chat.send(caller.owner, _send_request(data), idempotency_of(idempotency_key, data))
    return await answer_with(request, caller, run, streams=streams, background=data.background)


@post(
    "/chat/continue/{chat_id:str}",
    opt=needs(Action.TALK, "text/event-stream"),
    status_code=200,
    summary="Continue the last reply",
    responses=replies("What came, or its event stream."),
)
async def continue_reply(
    request: AnyRequest, caller: Caller, chat_id: str, data: ContinueBody, idempotency_key: IdempotencyKey = None
) -> ReplyResponse:
    """Go on with a reply that failed, was stopped or interrupted, or is as long as it may be.

    What comes is a message of its own. A reply that has no text yet is made anew.
    """
    refuse_nul(data)
    streams = check_following(request, caller, data)
    asked = _continue_request(chat_id, data)
    run = await caller.chat.continue_reply(caller.owner, asked, idempotency_of(idempotency_key, data, chat_id))
    return await answer_with(request, caller, run, streams=streams, background=data.background)


@get("/chat/history", opt=needs(Action.READ), summary="List chats", responses=documented(422, 500))
async def chats(caller: Caller, limit: Limit = _PAGE, cursor: str | None = None) -> ChatList:
    """One page of chats, newest first."""
    return await chat_list(caller.chat, caller.owner, limit, cursor)


@get("/chat/history/{chat_id:str}", opt=needs(Action.READ), summary="Read a chat", responses=documented(404, 422, 500))
async def history(
    caller: Caller,
    chat_id: str,
    before: Annotated[str | None, QueryParameter(description="Only messages before the one with this id.")] = None,
    limit: LimitOrAll = None,
) -> HistoryAnswer:
    """A chat's messages, oldest first, and the turn going in it."""
    return await chat_history(caller.chat, caller.owner, chat_id, before, limit)


@delete(
    "/chat/delete/{chat_id:str}",
    opt=needs(Action.CHANGE),
    status_code=200,
    summary="Delete a chat",
    responses=documented(404, 409, 422, 500, 507),
)
async def remove(
    caller: Caller,
    chat_id: str,
    purge: Annotated[bool, QueryParameter(description="Remove it for good, past the trash.")] = False,
    revision: Annotated[int | None, QueryParameter(ge=0, description="409 when the chat has another one.")] = None,
) -> Confirmation:
    """Move a chat to the trash; its live run is stopped first."""
    await caller.chat.delete(caller.owner, chat_id, purge=purge, revision=revision)
    return Confirmation(f"Chat {chat_id} deleted successfully", success=True)


HANDLERS = [send, continue_reply, chats, history, remove]


async def chat_list(chat: ChatInterface, owner: str, limit: int, cursor: str | None) -> ChatList:
    """One page of the owner's chats, newest first. Raises: InvalidRequest, StorageFailed."""
    page, following = await chat.chats(owner, limit=limit, cursor=cursor)
    rows = {
        row.chat_id: ChatRow(
            row.created_at, row.last_updated, row.message_count, row.title, row.provider, row.model, active_run
        )
        for row, active_run in page
    }
    return ChatList(rows, following, success=True)


async def chat_history(
    chat: ChatInterface, owner: str, chat_id: str, before: str | None, limit: int | None
) -> HistoryAnswer:
    """The last `limit` of the chat's messages before `before`. Raises: ChatNotFound, InvalidRequest, StorageFailed."""
    found = await chat.history(owner, chat_id, before=before, limit=limit)
    stored = found.chat
    shown = ShownChat(
        stored.created_at,
        stored.last_updated,
        stored.title,
        stored.revision,
        [ShownMessage.of(message, found.siblings) for message in found.messages],
        found.has_more,
        own_prompt(stored),
    )
    return HistoryAnswer(stored.chat_id, shown, _active_run(found.active) if found.active else None, success=True)


def _continue_request(chat_id: str, body: ContinueBody) -> ContinueRequest:
    named = [name for name in ContinueRequest.__struct_fields__ if name != "chat_id"]
    return ContinueRequest(chat_id, **{name: getattr(body, name) for name in named})


def _send_request(body: SendBody) -> SendRequest:
    named = [name for name in SendRequest.__struct_fields__ if name != "images"]
    return SendRequest(**{name: getattr(body, name) for name in named}, images=body.images or ())


def _active_run(live: LiveTurn) -> ActiveRun:
    return ActiveRun(
        run_id=live.run_id,
        state=live.state.value,
        message_id=live.message_id,
        message=live.user.text if live.user else None,
        response=live.text,
        last_event_id=live.last_event_id,
        events_url=events_url(live.run_id),
        continues=live.continues or UNSET,
        images=images_in(live.user.content) if live.user else [],
        reasoning=live.reasoning,
        tool_calls=live.tool_calls,
        provider=live.provider,
        model=live.model,
    )
