"""The streaming service: one prompt, and its reply as it comes. Both are kept as a chat of their own."""

from collections.abc import AsyncGenerator
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from litestar import Response, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from msgspec import Meta

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.body import IdempotencyKey, idempotency_of, refuse_nul
from chatkeep.api.caller import Caller
from chatkeep.api.event_stream import EventStream
from chatkeep.api.live_response import StreamCut
from chatkeep.api.problems import AnyRequest, documented, problem_response
from chatkeep.api.run_stream import RunStream, names_of
from chatkeep.api.schemas import LeavePolicy, Model, Provider, Text
from chatkeep.chat.events import Problem, on_one_line
from chatkeep.chat.follow import follow_text, wait_for_text
from chatkeep.chat.messages import SendRequest
from chatkeep.chat.run import Run

StreamFormat = Annotated[
    Literal["text", "openai", "sse"],
    QueryParameter(description="Plain text as it comes; a chat.completion.chunk a line; or the run's events."),
]

# OpenAI's finish reasons are an enumeration to its clients: ours that it does not have become the nearest one.
_FINISH_REASONS = {"loop": "length", "stopped": "stop"}


class PromptBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /stream`. Only `prompt` is required."""

    prompt: Annotated[Text, Meta(description="What the user says.", examples=["Tell me a fun fact about space"])]
    provider: Provider = None
    model: Model = None
    on_leave: LeavePolicy = "continue"


class ChunkDelta(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a chunk adds: the role in the first one, text in the others, nothing in the last."""

    role: str | None = None
    content: str | None = None


class ChunkChoice(msgspec.Struct, frozen=True):
    """The one reply; `finish_reason` stands in its last chunk."""

    index: int
    delta: ChunkDelta
    finish_reason: str | None


class Chunk(msgspec.Struct, frozen=True):
    """OpenAI's `chat.completion.chunk`. `id` is the run's, `created` in seconds since 1970."""

    id: str
    object: str
    created: int
    model: str
    choices: list[ChunkChoice]


class ChunkError(msgspec.Struct, frozen=True):
    """An error in OpenAI's form."""

    message: str
    type: str
    param: str | None
    code: str


class ErrorLine(msgspec.Struct, frozen=True):
    """The last line of a reply that failed: what came before it is kept."""

    error: ChunkError


@post(
    "/stream",
    opt=needs(Action.TALK, "application/x-ndjson", "text/event-stream"),
    status_code=200,
    summary="Stream the reply to one prompt",
    responses={
        200: ResponseSpec(
            str,
            description="The reply as it comes: text, chunks as `application/x-ndjson`, or `text/event-stream`.",
            media_type="text/plain",
            generate_examples=False,
        ),
        **documented(404, 409, 413, 422, 500, 502, 503, 504, 507),
    },
)
async def stream(
    request: AnyRequest,
    caller: Caller,
    data: PromptBody,
    stream_format: StreamFormat = "text",
    idempotency_key: IdempotencyKey = None,
) -> Response[bytes]:
    """Answer with the reply while it is written. A failure before its first text is a problem document."""
    refuse_nul(data)
    caller.check_stream()
    asked = SendRequest(message=data.prompt, provider=data.provider, model=data.model, on_leave=data.on_leave)
    run = await caller.chat.send(caller.owner, asked, idempotency_of(idempotency_key, data))
    if stream_format == "sse":
        return EventStream(caller, run)
    async with caller.following(run):
        has_text = await wait_for_text(run)
    if not has_text and run.problem is not None:
        names = {name.decode(): value.decode() for name, value in names_of(run)}
        return problem_response(request, run.problem, names)
    if stream_format == "openai":
        return RunStream(caller, run, "application/x-ndjson", _lines(run))
    return RunStream(caller, run, "text/plain; charset=utf-8", _texts(run))


HANDLERS = [stream]


async def _texts(run: Run) -> AsyncGenerator[bytes, None]:
    """The text, UTF-8. Raises: StreamCut at the end of a reply that failed."""
    async for text in follow_text(run):
        yield text.encode()
    if run.problem is not None:
        raise StreamCut


async def _lines(run: Run) -> AsyncGenerator[bytes, None]:
    """One JSON object a line: the role, the text, and how it ended."""
    yield _chunk_line(run, ChunkDelta(role="assistant", content=""))
    async for text in follow_text(run):
        yield _chunk_line(run, ChunkDelta(content=text))
    if run.problem is not None:
        yield _line(_error_line(run.problem))
    else:
        reason = run.reply.finish_reason or "stop"
        yield _chunk_line(run, ChunkDelta(), _FINISH_REASONS.get(reason, reason))


def _chunk_line(run: Run, delta: ChunkDelta, finish_reason: str | None = None) -> bytes:
    created = int(datetime.fromisoformat(run.record.created_at).timestamp())
    choice = ChunkChoice(0, delta, finish_reason)
    return _line(Chunk(run.run_id, "chat.completion.chunk", created, run.model, [choice]))


def _error_line(found: Problem) -> ErrorLine:
    return ErrorLine(ChunkError(found.detail, "server_error", None, found.code))


def _line(row: msgspec.Struct) -> bytes:
    return on_one_line(msgspec.json.encode(row)) + b"\n"
