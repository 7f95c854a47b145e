"""Every route of a server, and what each is given."""

import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.types import ASGIApp

from chatkeep.access.rate import Group, RateLimits
from chatkeep.access.subject import Rate
from chatkeep.api import (
    admin,
    archives,
    chats,
    doctor,
    editing,
    history,
    llm,
    login,
    metrics,
    page,
    problems,
    reference,
    restoring,
    runs,
    search,
    service,
    status_socket,
    streaming,
    v1,
)
from chatkeep.api.admission import Admission, subject_of
from chatkeep.api.audit import AuditedRequests
from chatkeep.api.caller import Caller
from chatkeep.api.envelope import Envelope
from chatkeep.api.head_requests import HeadRequests
from chatkeep.api.json_request import MAX_BODY_BYTES, JsonRequest
from chatkeep.api.limiter import Limiter
from chatkeep.api.local import MOST_BYTES
from chatkeep.api.metrics import MetricsPage
from chatkeep.api.openapi import openapi_config
from chatkeep.api.origins import Origins
from chatkeep.api.page import BuiltPage
from chatkeep.api.problems import AnyRequest
from chatkeep.api.reference import PageFiles
from chatkeep.api.status_socket import StatusSockets
from chatkeep.app.service import Service
from chatkeep.chat.interface import ChatInterface
from chatkeep.providers.registry import Registry
from chatkeep.settings import Settings
from chatkeep.storage.audit import AuditLog

_SECTIONS = (
    *(chats, editing, restoring, archives, runs, streaming, history, search, llm, status_socket, v1),
    *(login, admin, metrics, service, page, reference, doctor),
)
_CORS_METHODS = ["GET", "POST", "PATCH", "DELETE"]
_CORS_HEADERS = ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-API-Key", "X-Request-ID"]
_CORS_SHOWN = [
    *("X-Request-ID", "X-Run-Id", "X-Chat-Id", "Retry-After"),
    *("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
]


def create_app(built: Service) -> ASGIApp:
    """The ASGI application of `built`, which starts and stops with it."""
    return Envelope(
        HeadRequests(routes_of(built)),
        built.instruments.on_request,
        audit=AuditedRequests(built.access.trail),
        around=built.instruments.around_request,
    )


def routes_of(built: Service) -> Litestar:
    """Every route of `built`."""
    settings = built.settings

    def caller(request: AnyRequest) -> Caller:
        return Caller(built.chat, subject_of(request), built.connections, request.receive)

    def chat() -> ChatInterface:
        return built.chat

    def providers() -> Registry:
        return built.providers

    limiter = Limiter(_rates(settings))

    def door() -> login.Door:
        return login.Door(built.access.identities, limiter)

    def trail() -> AuditLog:
        return built.access.trail

    def metrics_page() -> MetricsPage | None:
        return built.instruments.metrics.page if built.instruments.metrics else None

    installed = PageFiles.installed()

    def page_files() -> PageFiles:
        return installed

    def sockets() -> StatusSockets:
        return StatusSockets(built.feed, built.connections)

    def doctor_means() -> doctor.DoctorMeans:
        return doctor.DoctorMeans(built.connections, settings.max_body_bytes)

    given = (caller, chat, providers, door, trail, metrics_page, page_files, built_page, sockets, doctor_means)
    return Litestar(
        route_handlers=[handler for section in _SECTIONS for handler in section.HANDLERS],
        # Why one for most views: Litestar opens a task group for two, on every request, 110 µs.
        dependencies={made.__name__: Provide(made, sync_to_thread=False) for made in given},
        guards=[
            Admission(
                built.access.identities,
                Origins(settings.allowed_hosts, settings.cors_origins, settings.host),
                limiter,
                refresh=built.access.watch.refresh,
                allows_anonymous=settings.allow_anonymous,
            )
        ],
        cors_config=_cors(settings.cors_origins),
        request_class=JsonRequest,
        exception_handlers=problems.HANDLERS,
        after_exception=[problems.note_refusal],
        lifespan=[_lifespan_of(built)],
        opt={MAX_BODY_BYTES: settings.max_body_bytes},
        request_max_body_size=max(MOST_BYTES, settings.max_body_bytes),
        openapi_config=openapi_config(),
        logging_config=None,
    )


def built_page() -> BuiltPage:
    """The page that this package was built with, or is built into it while the server runs."""
    return BuiltPage.installed()


def _lifespan_of(built: Service) -> Callable[[Litestar], AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        await built.start()
        try:
            yield
        finally:
            try:
                await built.chat.drain(built.settings.shutdown_s)
            finally:
                await built.aclose()

    return lifespan


def _cors(origins: tuple[str, ...]) -> CORSConfig | None:
    if not origins:
        return None
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=list(_CORS_METHODS),  # type: ignore[arg-type]
        allow_headers=list(_CORS_HEADERS),
        expose_headers=list(_CORS_SHOWN),
        allow_credentials=True,
    )


def _rates(settings: Settings) -> RateLimits | None:
    """None when requests are not limited."""
    if not settings.rate_limit_enabled:
        return None
    window_s = settings.rate_limit_window_s
    return RateLimits(
        {Group.TALK: Rate(settings.rate_limit_requests, window_s), Group.REST: Rate(settings.other_requests, window_s)}
    )
