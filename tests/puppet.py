"""A provider whose every word a test decides, and a heart on a real folder to go with it."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from chatkeep.chat.checks.threads import Checks
from chatkeep.chat.events import Delta, Finish, ProviderEvent
from chatkeep.chat.guard import Limits
from chatkeep.chat.interface import ChatInterface
from chatkeep.chat.model import Chat, ChatKey, Usage
from chatkeep.chat.observe import Observers
from chatkeep.chat.ports import OfferedModel, Provider, ProviderInfo, ProviderRequest, ProviderState
from chatkeep.errors import ProviderNotFound, ProviderUnavailable, StorageFailed
from chatkeep.storage.files import FileStore

LIMITS = Limits(first_token_s=60, stall_s=60, run_s=600, max_output_chars=100_000, loop_guard=True)


class Puppet:
    """One provider. Each call waits for what the test puts into its queue."""

    def __init__(self, name: str = "puppet") -> None:
        self.name = name
        self.calls: list[Call] = []
        self.called = asyncio.Event()
        self.reports: list[Exception | None] = []
        self.window: int | None = None
        self.prefills = False
        self.sees: bool | None = None

    async def models(self) -> list[str]:
        return ["wood"]

    async def check(self) -> None:
        return

    def context_tokens(self, model: str) -> int | None:
        return self.window

    def can_prefill(self, model: str) -> bool:
        return self.prefills

    def can_see(self, model: str) -> bool | None:
        return self.sees

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent, None]:
        call = Call(request)
        self.calls.append(call)
        self.called.set()
        try:
            while True:
                said = await call.queue.get()
                if isinstance(said, Exception):
                    raise said
                if said is None:
                    return
                yield said
        finally:
            call.closed = True

    async def call(self, number: int) -> "Call":
        """The call of that number, from 0, as soon as it is made."""
        while len(self.calls) <= number:
            self.called.clear()
            await self.called.wait()
        return self.calls[number]


class Call:
    """One call of the puppet. `closed` says that the heart has let go of it."""

    def __init__(self, request: ProviderRequest) -> None:
        self.request = request
        self.queue: asyncio.Queue[ProviderEvent | Exception | None] = asyncio.Queue()
        self.closed = False

    def say(self, *words: str) -> None:
        """Give these words, one event each."""
        for word in words:
            self.queue.put_nowait(Delta(word))

    def finish(self, *words: str, reason: str = "stop") -> None:
        """Give these words, then the proper end."""
        self.say(*words)
        self.queue.put_nowait(Finish(reason))

    def fail(self, error: Exception) -> None:
        """Raise `error`."""
        self.queue.put_nowait(error)

    def cut(self) -> None:
        """End without a proper end."""
        self.queue.put_nowait(None)


class Puppets:
    """Providers with these puppets; the first one is the default.

    `fallen_back_to` are the names of those that are asked for any other one, `closed` of those that may not be called.
    """

    def __init__(self, *puppets: Puppet) -> None:
        self.puppets = {puppet.name: puppet for puppet in puppets}
        self.fallen_back_to: list[str] = []
        self.closed: set[str] = set()
        self.cost: float | None = None

    async def resolve(self, provider: str | None, model: str | None) -> tuple[Provider, str]:
        return self.get(provider or self.default_name), model or "wood"

    def get(self, name: str) -> Puppet:
        if name not in self.puppets:
            raise ProviderNotFound(f"There is no provider {name}.")
        return self.puppets[name]

    def fallbacks(self, name: str, model: str) -> list[tuple[Provider, str]]:
        return [(self.puppets[other], f"{other}-wood") for other in self.fallen_back_to if other != name]

    def admit(self, name: str) -> None:
        if name in self.closed:
            raise ProviderUnavailable(f"{name} is left alone for a while.", retry_after_s=60)

    def cost_usd(self, name: str, model: str, usage: Usage) -> float | None:
        return self.cost

    def report(self, name: str, error: Exception | None) -> None:
        self.puppets[name].reports.append(error)

    def states(self) -> dict[str, ProviderState]:
        return dict.fromkeys(self.puppets, ProviderState.HEALTHY)

    def infos(self) -> list[ProviderInfo]:
        return [ProviderInfo(name, ProviderState.HEALTHY, None, ["wood"], None) for name in self.puppets]

    def models(self, name: str | None) -> list[OfferedModel]:
        return []

    @property
    def default_name(self) -> str:
        return next(iter(self.puppets))

    async def check(self, name: str) -> ProviderInfo:
        self.get(name)
        return next(info for info in self.infos() if info.name == name)


class RefusingStore(FileStore):
    """A store on real files that saves nothing while `refusal` is set, as on a full disk."""

    refusal: StorageFailed | None = None

    async def save(self, key: ChatKey, chat: Chat) -> None:
        if self.refusal is not None:
            raise self.refusal
        await super().save(key, chat)


class Heart:
    """A heart on a real folder: `chat` is its door, `puppet` its provider, the first of `providers`.

    `fallbacks` names further ones, asked in this order when another one does not answer.
    """

    def __init__(
        self,
        folder: Path,
        limits: Limits = LIMITS,
        fallbacks: Sequence[str] = (),
        *,
        checks: Checks | None = None,
        puppet: Puppet | None = None,
    ) -> None:
        self.folder = folder
        self.puppet = puppet or Puppet()
        self.providers = Puppets(self.puppet, *map(Puppet, fallbacks))
        self.providers.fallen_back_to = list(fallbacks)
        self.observers = Observers()
        self.store = RefusingStore(folder, run_kept_s=3600, trash_days=7)
        self.chat = ChatInterface(
            store=self.store,
            log=self.store.log,
            providers=self.providers,
            limits=limits,
            system_prompt=lambda: "Be brief.",
            observers=self.observers,
            checks=checks,
        )

    async def start(self) -> None:
        await self.store.start()
        await self.chat.start()

    async def aclose(self) -> None:
        await self.chat.aclose()
        await self.store.aclose()


@asynccontextmanager
async def heart(
    folder: Path,
    limits: Limits = LIMITS,
    fallbacks: Sequence[str] = (),
    *,
    checks: Checks | None = None,
    puppet: Puppet | None = None,
) -> AsyncIterator[Heart]:
    """A running heart on `folder`, closed at the end."""
    running = Heart(folder, limits, fallbacks, checks=checks, puppet=puppet)
    await running.start()
    try:
        yield running
    finally:
        await running.aclose()


def numbers(frames: bytes) -> list[int]:
    """The numbers of the SSE events in `frames`, in order; comments are passed over."""
    return [int(line.removeprefix(b"id: ")) for line in frames.split(b"\n") if line.startswith(b"id: ")]
