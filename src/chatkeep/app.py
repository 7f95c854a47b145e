"""Composition root: the only file that knows every part."""

import contextlib
from collections.abc import AsyncIterator

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.types import ASGIApp

import chatkeep
from chatkeep.api import chats, problems, runs, search, service
from chatkeep.api.admission import Admission, subject_of
from chatkeep.api.caller import Caller
from chatkeep.api.envelope import Envelope
from chatkeep.api.json_request import JsonRequest
from chatkeep.api.problems import AnyRequest
from chatkeep.chat.guard import Limits
from chatkeep.chat.interface import ChatInterface
from chatkeep.chat.observe import Observers
from chatkeep.providers.registry import Registry, build_registry
from chatkeep.settings import Settings
from chatkeep.storage.files import FileStore
from chatkeep.storage.system_prompt import SystemPromptFile


class Service:
    """Every part of one server, made from settings and started in order."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.store = FileStore(settings.chats_dir, run_kept_s=settings.run_kept_s, trash_days=settings.trash_days)
        self.system_prompt = SystemPromptFile(settings.system_prompt_file)
        self.providers = build_registry(settings)
        self.observers = Observers()
        self.chat = ChatInterface(
            store=self.store,
            log=self.store.log,
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
            observers=self.observers,
        )
        self._started = False

    async def start(self) -> None:
        """Own the folder, recover what a crash left open, and begin to check the providers; once.

        Raises: FolderInUse, StorageFull, StorageFailed.
        """
        if self._started:
            return
        await self.store.start()
        self._started = True
        self.system_prompt.make()
        self.providers.start()
        await self.chat.start()

    async def aclose(self) -> None:
        """Interrupt the runs that are still going, and leave the folder as a clean stop does; once."""
        if not self._started:
            return
        self._started = False
        async with contextlib.AsyncExitStack() as closing:
            closing.push_async_callback(self.store.aclose)
            closing.push_async_callback(self.providers.aclose)
            closing.push_async_callback(self.chat.aclose)


def create_app(built: Service) -> ASGIApp:
    """The ASGI application of `built`, which starts and stops with it."""
    return Envelope(routes_of(built))


def routes_of(built: Service) -> Litestar:
    """Every route of `built`."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        await built.start()
        try:
            yield
        finally:
            await built.aclose()

    def caller(request: AnyRequest) -> Caller:
        return Caller(built.chat, subject_of(request))

    def chat() -> ChatInterface:
        return built.chat

    def providers() -> Registry:
        return built.providers

    return Litestar(
        route_handlers=[*chats.HANDLERS, *runs.HANDLERS, *search.HANDLERS, *service.HANDLERS],
        dependencies={
            # Why one object: Litestar opens a task group for two, on every request, 110 µs.
            "caller": Provide(caller, sync_to_thread=False),
            "chat": Provide(chat, sync_to_thread=False),
            "providers": Provide(providers, sync_to_thread=False),
        },
        guards=[Admission()],
        request_class=JsonRequest,
        exception_handlers=problems.HANDLERS,
        lifespan=[lifespan],
        request_max_body_size=built.settings.max_body_bytes,
        openapi_config=OpenAPIConfig(
            title="chatkeep",
            version=chatkeep.__version__,
            path="/openapi",
            render_plugins=[JsonRenderPlugin(path="/raw")],
        ),
        logging_config=None,
    )
