"""The same service under `/api/v1`: health, help, and a chat that streams."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from msgspec import Meta

from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.body import IdempotencyKey, idempotency_of, refuse_nul
from chatkeep.api.caller import Caller
from chatkeep.api.description import description_of
from chatkeep.api.event_stream import STREAMED, EventStream
from chatkeep.api.problems import AnyRequest, documented
from chatkeep.api.schemas import EndpointRow, HealthAnswer, LeavePolicy, Model, Provider, Text
from chatkeep.api.service import KnownProviders, health_answer
from chatkeep.chat.messages import SendRequest
from chatkeep.chat.ports import ProviderInfo, ProviderState


class ChatBody(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`POST /api/v1/chat`. Only `message` is required."""

    message: Annotated[Text, Meta(description="What the user says.", examples=["Tell me a fun fact about space"])]
    chat_id: Annotated[str | None, Meta(description="1 to 128 of A-Z a-z 0-9 _ -. Left out, a new chat.")] = None
    provider: Provider = None
    model: Model = None
    on_leave: LeavePolicy = "continue"


class HelpRow(msgspec.Struct, frozen=True):
    """A provider that is configured. `error` says why it cannot be used now."""

    name: str
    state: str
    error: str | None
    models: list[str]


class Suggestion(msgspec.Struct, frozen=True):
    """A provider that is known and not configured, and how to change that."""

    name: str
    how: str


class HelpAnswer(msgspec.Struct, frozen=True):
    """What can be done here, by what is configured. `text` says it all to a person."""

    text: str
    default: str | None
    configured: list[HelpRow]
    available: list[Suggestion]
    endpoints: list[EndpointRow]
    example: str
    success: bool


@get("/api/v1/health", opt=needs(Action.OPEN), summary="How this server is, as /health")
async def health(providers: KnownProviders) -> HealthAnswer:
    """200 while the process serves, with the state of each provider."""
    return health_answer(providers)


@get("/api/v1/help", opt=needs(Action.READ), summary="What can be done here")
async def help_(request: AnyRequest, providers: KnownProviders) -> HelpAnswer:
    """The providers and models that can be asked, how to configure others, and the endpoints."""
    infos = providers.infos()
    unconfigured = [info for info in infos if info.state is ProviderState.NOT_CONFIGURED]
    configured = [info for info in infos if info.state is not ProviderState.NOT_CONFIGURED]
    described = await description_of(request.app)
    example = _example(str(request.base_url).rstrip("/"))
    return HelpAnswer(
        text=_text(configured, unconfigured, providers.default_name, example),
        default=providers.default_name,
        configured=[HelpRow(info.name, info.state.value, info.error, info.models) for info in configured],
        available=[Suggestion(info.name, info.error or "") for info in unconfigured],
        endpoints=described.endpoints,
        example=example,
        success=True,
    )


@post(
    "/api/v1/chat",
    opt=needs(Action.TALK),
    status_code=200,
    summary="Send a message and stream the reply",
    responses={200: STREAMED, **documented(404, 409, 413, 422, 500, 502, 503, 504, 507)},
)
async def chat(caller: Caller, data: ChatBody, idempotency_key: IdempotencyKey = None) -> Response[bytes]:
    """Answer with the run's events. It is stopped and followed through `/runs`."""
    refuse_nul(data)
    caller.check_stream()
    asked = SendRequest(
        message=data.message,
        chat_id=data.chat_id,
        provider=data.provider,
        model=data.model,
        on_leave=data.on_leave,
    )
    return EventStream(caller, await caller.chat.send(caller.owner, asked, idempotency_of(idempotency_key, data)))


HANDLERS = [health, help_, chat]


def _example(base_url: str) -> str:
    return f"""curl -N {base_url}/api/v1/chat -H 'Content-Type: application/json' -d '{{"message": "Hello"}}'"""


def _text(configured: list[ProviderInfo], unconfigured: list[ProviderInfo], default: str | None, example: str) -> str:
    lines = ["Configured providers:" if configured else "No provider is configured."]
    lines += [_line(info, is_default=info.name == default) for info in configured]
    lines += ["To configure another one:", *(f"- {info.name}: {info.error}" for info in unconfigured)]
    lines += ["Try:", example, "Every endpoint: GET / or GET /openapi.json."]
    return "\n".join(lines)


def _line(info: ProviderInfo, *, is_default: bool) -> str:
    models = ", ".join(info.models) or "no models known yet"
    trouble = f" ({info.error})" if info.state is ProviderState.UNHEALTHY and info.error else ""
    return f"- {info.name}{', the default' if is_default else ''}: {models}{trouble}"
