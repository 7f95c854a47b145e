"""Providers: which there are, how they are, and one reply of theirs that is kept nowhere."""

import asyncio
from typing import Annotated, Any, Literal

import msgspec
from litestar import Response, get, post
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import QueryParameter
from msgspec import Meta

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.body import UnkeptIdempotencyKey, idempotency_of, refuse_nul
from chatkeep.api.caller import Caller
from chatkeep.api.event_stream import STREAMED, EventStream
from chatkeep.api.problems import AnyRequest, documented, problem_response, request_id_of
from chatkeep.api.schemas import LeavePolicy, MaxTokens, Model, Provider, Temperature, Text
from chatkeep.api.service import KnownProviders, overall
from chatkeep.chat.model import CheckResult, Stats, ToolCall, Usage
from chatkeep.chat.ports import OfferedModel, ProviderInfo, Tool
from chatkeep.chat.run import Run
from chatkeep.chat.unstored import GenerateRequest
from chatkeep.errors import ProviderNotFound


class FunctionTool(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A function that the model may ask to be called; calling it is the client's part."""

    name: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["get_weather"])]
    description: Annotated[str, Meta(max_length=10_000)] = ""
    parameters: Annotated[
        dict[str, Any] | None, Meta(description="JSON Schema of the arguments, an object. Left out: it takes none.")
    ] = None


class GenerateBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/llm/generate` and `/api/llm/stream`. Only `prompt` is required."""

    prompt: Annotated[Text, Meta(description="All the model gets: no history, no system prompt.", examples=["Hello"])]
    provider: Provider = None
    model: Model = None
    temperature: Temperature | None = None
    max_tokens: MaxTokens | None = None
    stream: Annotated[bool, Meta(description="Answer with server-sent events.")] = False
    tools: Annotated[list[FunctionTool], Meta(max_length=128, description="Functions it may ask for.")] = []
    on_leave: LeavePolicy = "continue"


class GenerateAnswer(msgspec.Struct, frozen=True):
    """The reply, whole; it is kept nowhere. `usage.estimated`: the provider did not count, we did.

    `tool_calls` are the functions it asks for, left out when there are none; `arguments` is JSON as text.
    `checks` of it are left out when none were made.
    """

    text: str
    provider: str
    model: str
    finish_reason: str
    usage: Usage
    stats: Stats
    request_id: str
    run_id: str
    success: bool
    tool_calls: list[ToolCall] | msgspec.UnsetType = msgspec.UNSET
    checks: list[CheckResult] | msgspec.UnsetType = msgspec.UNSET


class ProviderList(msgspec.Struct, frozen=True):
    """Every known provider, the configured ones first. `default` answers requests that name none."""

    providers: list[ProviderInfo]
    default: str | None
    success: bool


class ModelList(msgspec.Struct, frozen=True):
    """The models on offer. `null`: not known."""

    models: list[OfferedModel]
    success: bool


class ProvidersHealth(msgspec.Struct, frozen=True):
    """The providers asked about; `state` is of those that are configured. `checked`: they were asked just now."""

    state: Literal["healthy", "degraded", "unhealthy"]
    providers: list[ProviderInfo]
    checked: bool
    success: bool


@get("/api/llm/providers", opt=needs(Action.READ), summary="List the providers")
async def listed(providers: KnownProviders) -> ProviderList:
    """What is known of every provider; asks none."""
    return ProviderList(providers.infos(), providers.default_name, success=True)


@get("/api/llm/health", opt=needs(Action.READ), summary="How the providers are", responses=documented(404, 422))
async def health(
    providers: KnownProviders,
    provider: Annotated[str | None, QueryParameter(description="Only this one. Left out, all.")] = None,
    check: Annotated[bool, QueryParameter(description="Ask them now, all at once, for at most 3 s.")] = False,
) -> ProvidersHealth:
    """The state of one provider or of all, as of the last check or call, or with `check` as of now."""
    names = [info.name for info in providers.infos() if provider is None or info.name == provider.lower()]
    if not names:
        raise ProviderNotFound(f"There is no provider {provider}.")
    if check:
        await asyncio.gather(*(providers.check(name) for name in names))
    infos = [info for info in providers.infos() if info.name in names]
    return ProvidersHealth(overall(info.state for info in infos), infos, checked=check, success=True)


@get("/api/llm/models", opt=needs(Action.READ), summary="List the models", responses=documented(404))
async def models(
    providers: KnownProviders,
    provider: Annotated[str | None, QueryParameter(description="Only of this one. Left out, of all.")] = None,
) -> ModelList:
    """What the providers listed when they were last checked, with windows and list prices; asks none."""
    return ModelList(providers.models(provider), success=True)


_FAILURES = documented(404, 409, 413, 422, 429, 500, 502, 503, 504)


@post(
    "/api/llm/generate",
    opt=needs(Action.TALK, "text/event-stream"),
    status_code=200,
    summary="Generate outside any chat",
    responses={
        200: ResponseSpec(GenerateAnswer, description="The reply, or its event stream.", generate_examples=False),
        **_FAILURES,
    },
)
async def generate(
    request: AnyRequest, caller: Caller, data: GenerateBody, idempotency_key: UnkeptIdempotencyKey = None
) -> Response[GenerateAnswer] | Response[bytes]:
    """Answer one prompt, whole or as a stream. Nothing of it is kept."""
    if data.stream or "text/event-stream" in request.headers.get("accept", ""):
        return await _stream(caller, data, idempotency_key)
    run = await _begin(caller, data, idempotency_key)
    await caller.ended(run)
    if run.problem is not None:
        return problem_response(request, run.problem)
    return Response(_answer(run, request_id_of(request)))


@post(
    "/api/llm/stream",
    opt=needs(Action.TALK),
    status_code=200,
    summary="Stream outside any chat",
    responses={200: STREAMED, **_FAILURES},
)
async def stream(caller: Caller, data: GenerateBody, idempotency_key: UnkeptIdempotencyKey = None) -> Response[bytes]:
    """Answer one prompt with the run's events. Nothing of it is kept."""
    return await _stream(caller, data, idempotency_key)


HANDLERS = [listed, models, health, generate, stream]


async def _stream(caller: Caller, body: GenerateBody, idempotency_key: str | None) -> EventStream:
    caller.check_stream()
    return EventStream(caller, await _begin(caller, body, idempotency_key))


async def _begin(caller: Caller, body: GenerateBody, idempotency_key: str | None) -> Run:
    refuse_nul(body)
    tools = [_tool(tool) for tool in body.tools]
    asked = GenerateRequest(
        body.prompt, body.provider, body.model, body.temperature, body.max_tokens, tools, body.on_leave
    )
    return await caller.chat.generate(caller.owner, asked, idempotency_of(idempotency_key, body))


def _tool(tool: FunctionTool) -> Tool:
    if tool.parameters is None:
        return Tool(tool.name, tool.description)
    return Tool(tool.name, tool.description, msgspec.Raw(msgspec.json.encode(tool.parameters)))


def _answer(run: Run, request_id: str) -> GenerateAnswer:
    reply = run.reply
    usage, stats = reply.close()
    return GenerateAnswer(
        text=reply.text,
        provider=run.provider,
        model=run.model,
        finish_reason=reply.finish_reason or "stop",
        usage=usage,
        stats=stats,
        request_id=request_id,
        run_id=run.run_id,
        success=True,
        tool_calls=reply.tool_calls or msgspec.UNSET,
        checks=reply.checks or msgspec.UNSET,
    )
