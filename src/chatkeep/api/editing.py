"""Changes of a chat: rename, switch branch, fork, system prompt; and asking again: regenerate, edit.

No message is overwritten.
"""

import msgspec
from litestar import patch, post

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.body import IdempotencyKey, idempotency_of, refuse_nul
from chatkeep.api.caller import Caller
from chatkeep.api.problems import AnyRequest, documented
from chatkeep.api.reply import ReplyResponse, answer_with, check_following, replies
from chatkeep.api.schemas import (
    BranchBody,
    ChangedAnswer,
    EditBody,
    ForkBody,
    RegenerateBody,
    RenameBody,
    SystemPromptBody,
)
from chatkeep.chat.branch import message_count
from chatkeep.chat.editing import ForkRequest
from chatkeep.chat.model import Chat
from chatkeep.chat.rewriting import RewriteRequest

_FAILURES = documented(404, 409, 413, 422, 500, 507)


@post(
    "/chat/regenerate/{chat_id:str}",
    opt=needs(Action.TALK, "text/event-stream"),
    status_code=200,
    summary="Make a reply anew",
    responses=replies("The new reply, or its event stream."),
)
async def regenerate(
    request: AnyRequest, caller: Caller, chat_id: str, data: RegenerateBody, idempotency_key: IdempotencyKey = None
) -> ReplyResponse:
    """Ask the same again. The new reply is a branch beside the old one, which is kept, and becomes the active one."""
    return await _ask_again(request, caller, chat_id, data, idempotency_key)


@post(
    "/chat/edit/{chat_id:str}",
    opt=needs(Action.TALK, "text/event-stream"),
    status_code=200,
    summary="Edit a message and ask it",
    responses=replies("The reply, or its event stream."),
)
async def edit(
    request: AnyRequest, caller: Caller, chat_id: str, data: EditBody, idempotency_key: IdempotencyKey = None
) -> ReplyResponse:
    """Ask something else in the place of an earlier message. What was asked and answered there is kept as a branch."""
    return await _ask_again(request, caller, chat_id, data, idempotency_key)


@post(
    "/chat/branch/{chat_id:str}",
    opt=needs(Action.CHANGE),
    status_code=200,
    summary="Switch the branch",
    responses=_FAILURES,
)
async def switch_branch(caller: Caller, chat_id: str, data: BranchBody) -> ChangedAnswer:
    """Make the newest path through a message the active one: what histories show, and the next message follows."""
    return _changed(await caller.chat.switch_branch(caller.owner, chat_id, data.message_id, revision=data.revision))


@post("/chat/fork/{chat_id:str}", opt=needs(Action.CHANGE), status_code=200, summary="Fork a chat", responses=_FAILURES)
async def fork(caller: Caller, chat_id: str, data: ForkBody, idempotency_key: IdempotencyKey = None) -> ChangedAnswer:
    """Make a new chat of the messages up to and with one of them."""
    asked = ForkRequest(chat_id, data.message_id, data.chat_id, data.revision)
    return _changed(await caller.chat.fork(caller.owner, asked, idempotency_of(idempotency_key, data, chat_id)))


@patch("/chat/rename/{chat_id:str}", opt=needs(Action.CHANGE), summary="Rename a chat", responses=_FAILURES)
async def rename(caller: Caller, chat_id: str, data: RenameBody) -> ChangedAnswer:
    """Give a chat another title. Its place in lists stays: nothing was said."""
    refuse_nul(data)
    return _changed(await caller.chat.rename(caller.owner, chat_id, data.title, revision=data.revision))


@patch(
    "/chat/system-prompt/{chat_id:str}",
    opt=needs(Action.CHANGE),
    summary="Set the system prompt",
    responses=_FAILURES,
)
async def set_system_prompt(caller: Caller, chat_id: str, data: SystemPromptBody) -> ChangedAnswer:
    """Give a chat another system prompt, from its next turn on. An empty one takes it away."""
    refuse_nul(data)
    return _changed(
        await caller.chat.set_system_prompt(caller.owner, chat_id, data.system_prompt, revision=data.revision)
    )


_ASKED = RewriteRequest.__struct_fields__

HANDLERS = [regenerate, edit, switch_branch, fork, rename, set_system_prompt]


async def _ask_again(
    request: AnyRequest, caller: Caller, chat_id: str, data: RegenerateBody | EditBody, idempotency_key: str | None
) -> ReplyResponse:
    refuse_nul(data)
    streams = check_following(request, caller, data)
    fields = msgspec.structs.asdict(data)
    asked = RewriteRequest(
        chat_id,
        **{name: fields[name] for name in fields if name in _ASKED and fields[name] is not msgspec.UNSET},
    )
    # Why the kind too: both bodies may be alike.
    idempotency = idempotency_of(idempotency_key, data, chat_id, type(data).__name__)
    run = await caller.chat.rewrite(caller.owner, asked, idempotency)
    return await answer_with(request, caller, run, streams=streams, background=data.background)


def _changed(chat: Chat) -> ChangedAnswer:
    return ChangedAnswer(chat.chat_id, chat.title, chat.revision, message_count(chat), success=True)
