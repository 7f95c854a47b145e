"""Every part of one server, made from its settings."""

import contextlib

import chatkeep
from chatkeep.api.open_connections import OpenConnections
from chatkeep.api.status_feed import StatusFeed
from chatkeep.app.access import Access
from chatkeep.app.checks import build_checks
from chatkeep.chat.changes import TellingStore
from chatkeep.chat.guard import Limits
from chatkeep.chat.interface import ChatInterface
from chatkeep.chat.observe import Observers
from chatkeep.chat.run import RunState
from chatkeep.chat.titles import Titles
from chatkeep.providers.build import build_registry
from chatkeep.settings import Settings
from chatkeep.storage.files import FileStore
from chatkeep.storage.system_prompt import SystemPromptFile
from chatkeep.telemetry.instruments import Instruments
from chatkeep.telemetry.metrics import Metrics


class Service:
    """Every part of one server, made from settings and started in order.

    `on_demand` is for a server that lives as long as one command: it makes no file for the system prompt, and asks no
    provider how it is before one is needed.
    """

    def __init__(self, settings: Settings, *, on_demand: bool = False) -> None:
        self.settings = settings
        self._on_demand = on_demand
        self.store = FileStore(settings.chats_dir, run_kept_s=settings.run_kept_s, trash_days=settings.trash_days)
        self.system_prompt = SystemPromptFile(settings.system_prompt_file, makes=not on_demand)
        self.providers = build_registry(settings)
        self.connections = OpenConnections()
        self.access = Access(settings, self.connections)
        self.instruments = Instruments(
            chatkeep.__version__,
            log_requests=settings.log_requests,
            metrics=settings.metrics,
            traces=settings.otel,
        )
        self._observers = Observers([*self.instruments.on_run, self.access.audited_runs])
        limits = Limits(
            first_token_s=settings.first_token_s,
            stall_s=settings.stall_s,
            run_s=settings.run_s,
            max_output_chars=settings.max_output_chars,
            loop_guard=settings.loop_guard,
            attempts=1 + settings.retries,
            retry_wait_s=settings.retry_wait_s,
        )
        store = TellingStore(self.instruments.store(self.store))
        self._titles = Titles(store, self.providers, limits, self._observers.model_asked)
        if settings.titles == "model":
            self._observers.add(self._titles)
        self.chat = ChatInterface(
            store=store,
            log=self.instruments.journal(self.store.log),
            providers=self.providers,
            limits=limits,
            system_prompt=self.system_prompt,
            context_tokens=settings.context_tokens,
            observers=self._observers,
            checks=build_checks(settings, self.providers, limits, self._observers),
        )
        if self.instruments.metrics is not None:
            self._watch(self.instruments.metrics)
        self.feed = StatusFeed(self.chat, self.providers)
        self._observers.add(self.feed)
        self.providers.listen(self.feed.state_changed)
        store.listeners.append(self.feed.chat_changed)
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
        self.system_prompt.start()
        if not self._on_demand:
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
            closing.push_async_callback(self._titles.aclose)
            closing.push_async_callback(self.chat.aclose)
            closing.push_async_callback(self.feed.aclose)

    def _watch(self, metrics: Metrics) -> None:
        def waiting() -> int:
            return sum(run.state is RunState.QUEUED for run in self.chat.live_runs(None))

        metrics.watch(
            {
                "runs_going": lambda: len(self.chat.live_runs(None)) - waiting(),
                "runs_waiting": waiting,
                "journal_runs_waiting": lambda: self.chat.journal_waiting,
                "index_changes_waiting": lambda: self.store.index_waiting,
                "open_streams": lambda: self.connections.count("stream"),
                "open_websockets": lambda: self.connections.count("socket"),
            },
            self.providers.infos,
        )
        self.providers.listen_to_calls(metrics.calls)
