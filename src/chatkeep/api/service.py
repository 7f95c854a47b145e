"""The rest: what this server is, and how it is."""

from collections.abc import Iterable
from typing import Literal

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import SkipValidation

import chatkeep
from chatkeep.access.policy import Action
from chatkeep.api.admission import needs
from chatkeep.api.description import description_of
from chatkeep.api.negotiation import prefers
from chatkeep.api.page import Page, page_response
from chatkeep.api.problems import AnyRequest, documented
from chatkeep.api.schemas import HealthAnswer, ReadyAnswer, ServiceAnswer
from chatkeep.chat.interface import ChatInterface
from chatkeep.chat.model import now
from chatkeep.chat.ports import Providers, ProviderState

# A Protocol cannot be checked at run time, and what the composition root gives needs no check.
KnownProviders = NamedDependency[SkipValidation[Providers]]


_DESCRIBED = ResponseSpec(ServiceAnswer, description="What this server is.", generate_examples=False)


@get(
    "/",
    opt=needs(Action.OPEN, "text/html"),
    summary="What this server is",
    responses={200: _DESCRIBED},
)
async def index(request: AnyRequest, built_page: Page) -> Response[ServiceAnswer] | Response[bytes]:
    """Name, version and endpoints; the web page for who prefers `text/html`, as browsers do."""
    accept = ", ".join(request.headers.getall("accept", []))
    if prefers(accept, "text/html", to="application/json"):
        return await page_response(request, built_page)
    described = await description_of(request.app)
    answer = ServiceAnswer("chatkeep", chatkeep.__version__, described.endpoints)
    return Response(answer, headers={"Vary": "Accept"})


@get("/health", opt=needs(Action.OPEN), summary="How this server is")
async def health(providers: KnownProviders) -> HealthAnswer:
    """200 while the process serves, with the state of each provider."""
    return health_answer(providers)


@get(
    "/health/ready",
    opt=needs(Action.OPEN),
    summary="Whether a message would be accepted",
    responses=documented(500, 503, 507),
)
async def ready(chat: ChatInterface) -> ReadyAnswer:
    """503 while starting or stopping, 507 or 500 when the data folder cannot be written."""
    await chat.check_ready()
    return ReadyAnswer("ready", success=True)


HANDLERS = [index, health, ready]


def health_answer(providers: Providers) -> HealthAnswer:
    """How this server is: states only, for anybody may ask."""
    states = providers.states()
    return HealthAnswer(
        status="ok",
        timestamp=now(),
        response_code=200,
        state=overall(states.values()),
        providers={name: state.value for name, state in states.items()},
        version=chatkeep.__version__,
    )


def overall(states: Iterable[ProviderState]) -> Literal["healthy", "degraded", "unhealthy"]:
    """All of those that are configured in one word."""
    configured = [state for state in states if state is not ProviderState.NOT_CONFIGURED]
    healthy = configured.count(ProviderState.HEALTHY)
    if not healthy:
        return "unhealthy"
    return "healthy" if healthy == len(configured) else "degraded"
