"""Composition root: the only file that knows every part."""

import contextlib
from collections.abc import AsyncIterator

from litestar import Litestar
from litestar.config.cors import CORSConfig
from litestar.di import Provide
from litestar.types import ASGIApp

import chatkeep
from chatkeep.access.audit import AuditedRuns, AuditEntry
from chatkeep.access.identities import Identities
from chatkeep.access.key_watch import KeyWatch
from chatkeep.access.keys import ApiKey, KeyRing, KeySet, new_key
from chatkeep.access.rate import RateLimits
from chatkeep.access.sessions import Sessions
from chatkeep.access.subject import Rate, Role
from chatkeep.access.tokens import Tokens
from chatkeep.api import admin, chats, login, metrics, problems, reference, runs, service
from chatkeep.api.admission import Admission, subject_of
from chatkeep.api.audit import AuditedRequests
from chatkeep.api.caller import Caller
from chatkeep.api.envelope import Envelope, OpenConnections
from chatkeep.api.json_request import JsonRequest
from chatkeep.api.limiter import Limiter
from chatkeep.api.metrics import MetricsPage
from chatkeep.api.openapi import openapi_config
from chatkeep.api.origins import Origins, is_loopback
from chatkeep.api.problems import AnyRequest
from chatkeep.api.reference import PageFiles
from chatkeep.chat.guard import Limits
from chatkeep.chat.interface import ChatInterface
from chatkeep.chat.model import now
from chatkeep.chat.observe import Observers
from chatkeep.chat.run import RunState
from chatkeep.errors import ChatkeepError
from chatkeep.providers.registry import Registry, build_registry
from chatkeep.settings import Settings, WrongSettings
from chatkeep.storage.audit import AuditLog
from chatkeep.storage.files import FileStore
from chatkeep.storage.keys import KeyFile
from chatkeep.storage.sessions import SessionFile
from chatkeep.storage.system_prompt import SystemPromptFile
from chatkeep.telemetry.instruments import Instruments
from chatkeep.telemetry.metrics import Metrics

_FIRST_KEY = "first"
_CORS_METHODS = ["GET", "POST", "PATCH", "DELETE"]
_CORS_HEADERS = ["Authorization", "Content-Type", "Idempotency-Key", "Last-Event-ID", "X-API-Key", "X-Request-ID"]
_CORS_SHOWN = [
    *("X-Request-ID", "X-Run-Id", "X-Chat-Id", "Retry-After"),
    *("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"),
]


class Service:
    """Every part of one server, made from settings and started in order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = FileStore(settings.chats_dir, run_kept_s=settings.run_kept_s, trash_days=settings.trash_days)
        self.system_prompt = SystemPromptFile(settings.system_prompt_file)
        self.providers = build_registry(settings)
        self.access = Access(settings)
        self.connections = OpenConnections()
        self.instruments = Instruments(
            chatkeep.__version__,
            log_requests=settings.log_requests,
            metrics=settings.metrics,
            traces=settings.otel,
        )
        self.chat = ChatInterface(
            store=self.instruments.store(self.store),
            log=self.instruments.journal(self.store.log),
            providers=self.providers,
            limits=Limits(
                first_token_s=settings.first_token_s,
                stall_s=settings.stall_s,
                run_s=settings.run_s,
                max_output_chars=settings.max_output_chars,
                loop_guard=settings.loop_guard,
            ),
            system_prompt=self.system_prompt,
            context_tokens=settings.context_tokens,
            observers=Observers([*self.instruments.on_run, self.access.audited_runs]),
        )
        if self.instruments.metrics is not None:
            self._watch(self.instruments.metrics)
        self._started = False

    async def start(self) -> None:
        """Own the folder, recover what a crash left open, and begin to check the providers; once.

        Raises: FolderInUse, StorageFull, StorageFailed.
        """
        if self._started:
            return
        await self.store.start()
        self._started = True
        self.access.start()
        self.system_prompt.make()
        self.providers.start()
        await self.chat.start()

    async def aclose(self) -> None:
        """Interrupt the runs that are still going, and leave the folder as a clean stop does; once."""
        if not self._started:
            return
        self._started = False
        async with contextlib.AsyncExitStack() as closing:
            closing.push_async_callback(self.instruments.aclose)
            closing.push_async_callback(self.store.aclose)
            closing.push_async_callback(self.access.aclose)
            closing.push_async_callback(self.providers.aclose)
            closing.push_async_callback(self.chat.aclose)

    def _watch(self, metrics: Metrics) -> None:
        def waiting() -> int:
            return sum(run.state is RunState.QUEUED for run in self.chat.live_runs(None))

        metrics.watch(
            {
                "runs_going": lambda: len(self.chat.live_runs(None)) - waiting(),
                "runs_waiting": waiting,
                "journal_runs_waiting": lambda: self.chat.journal_waiting,
                "index_changes_waiting": lambda: self.store.index_waiting,
                "open_streams": lambda: self.connections.streams,
                "open_websockets": lambda: self.connections.websockets,
            },
            self.providers.states,
        )


class Access:
    """Keys, sessions, tokens and the audit log of one server. Raises: ChatkeepError."""

    def __init__(self, settings: Settings) -> None:
        self._allows_anonymous = settings.allow_anonymous
        self._given = settings.api_key.get_secret_value() if settings.api_key else None
        self.keys = KeyFile(settings.chats_dir)
        self._sessions = SessionFile(settings.chats_dir)
        self.trail = AuditLog(settings.chats_dir)
        self.identities = Identities(
            KeyRing(KeySet.new(), self._given), Sessions(), _tokens(settings), self._sessions.save
        )
        self.audited_runs = AuditedRuns(self.trail, lambda: self.identities.is_needed)
        self._watch = KeyWatch(self.keys, self.identities, self._given, lambda _is_lost: None)

    def read(self) -> None:
        """Read keys and sessions. Raises: StorageFailed."""
        kept = self.keys.read_or_make() if self._given else self.keys.read()
        self.identities.ring = KeyRing(kept or KeySet.new(), self._given)
        self.identities.sessions = self._sessions.read()

    def make_first_key(self) -> str | None:
        """The first key of this folder: an admin's, for the chats of the folder itself. None when none is needed."""
        self.read()
        if self._allows_anonymous or self.identities.is_needed:
            return None
        secret, moment = new_key(), now()
        self.keys.change(lambda keys: keys.with_key(ApiKey(_FIRST_KEY, "", Role.ADMIN, keys.digest(secret), moment)))
        self.trail.append(AuditEntry(moment, "chatkeep serve", "keys add", key=_FIRST_KEY))
        return secret

    def check_reach(self, host: str) -> None:
        """Return when it is safe to listen on `host`. Raises: ChatkeepError, which says the two ways on."""
        self.read()
        if self._allows_anonymous or self.identities.is_needed or is_loopback(host):
            return
        raise ChatkeepError(
            f"Other machines reach the address {host}, and there is no key. Either make one (`chatkeep keys add NAME`,"
            " or set CHATKEEP_API_KEY), or let everybody in with CHATKEEP_ALLOW_ANONYMOUS=true."
        )

    def start(self) -> None:
        """Read keys and sessions, and look for changes from now on. Raises: StorageFailed."""
        self.read()
        self._watch.start()

    async def aclose(self) -> None:
        """Look for changes no more."""
        await self._watch.aclose()


def create_app(built: Service) -> ASGIApp:
    """The ASGI application of `built`, which starts and stops with it."""
    return Envelope(
        routes_of(built),
        built.instruments.on_request,
        audit=AuditedRequests(built.access.trail),
        around=built.instruments.around_request,
        connections=built.connections,
    )


def routes_of(built: Service) -> Litestar:
    """Every route of `built`."""
    settings = built.settings

    @contextlib.asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        await built.start()
        try:
            yield
        finally:
            await built.chat.drain(settings.shutdown_s)
            await built.aclose()

    def caller(request: AnyRequest) -> Caller:
        return Caller(built.chat, subject_of(request))

    def chat() -> ChatInterface:
        return built.chat

    def providers() -> Registry:
        return built.providers

    def identities() -> Identities:
        return built.access.identities

    def trail() -> AuditLog:
        return built.access.trail

    def metrics_page() -> MetricsPage | None:
        return built.instruments.metrics.page if built.instruments.metrics else None

    installed = PageFiles.installed()

    def page_files() -> PageFiles:
        return installed

    given = (caller, chat, providers, identities, trail, metrics_page, page_files)
    handlers = (chats, runs, login, admin, metrics, service, reference)
    return Litestar(
        route_handlers=[handler for section in handlers for handler in section.HANDLERS],
        # Why one for most views: Litestar opens a task group for two, on every request, 110 µs.
        dependencies={made.__name__: Provide(made, sync_to_thread=False) for made in given},
        guards=[
            Admission(
                built.access.identities,
                Origins(settings.allowed_hosts, settings.cors_origins, settings.host),
                Limiter(_rates(settings)),
                allows_anonymous=settings.allow_anonymous,
            )
        ],
        cors_config=_cors(settings.cors_origins),
        request_class=JsonRequest,
        exception_handlers=problems.HANDLERS,
        lifespan=[lifespan],
        request_max_body_size=settings.max_body_bytes,
        openapi_config=openapi_config(),
        logging_config=None,
    )


def _tokens(settings: Settings) -> Tokens | None:
    if settings.jwt_jwks_file is None:
        return None
    if settings.jwt_issuer is None or settings.jwt_audience is None:
        raise WrongSettings("CHATKEEP_JWT_JWKS_FILE: it needs CHATKEEP_JWT_ISSUER and CHATKEEP_JWT_AUDIENCE beside it")
    return Tokens(
        settings.jwt_jwks_file,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        algorithm=settings.jwt_algorithm,
        role_claim=settings.jwt_role_claim,
    )


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
    return RateLimits(Rate(settings.rate_limit_requests, settings.rate_limit_window_s))
