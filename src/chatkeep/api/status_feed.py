"""Live news for sockets: how the providers are, how the caller's own runs go, and which of their chats changed.

One task serves all sockets, and there is none while no socket is open. Runs know nothing of sockets: what a
socket has not read is replaced by what is newer, and one that reads too slowly is closed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Literal

import msgspec
import structlog

from chatkeep.api.schemas import StateName
from chatkeep.chat.interface import ChatInterface
from chatkeep.chat.model import Chat, ChatKey, now
from chatkeep.chat.observe import RunObserver
from chatkeep.chat.ports import ProviderInfo, Providers, ProviderState
from chatkeep.chat.run import Run, RunState

_logger = structlog.get_logger("chatkeep.api")

_PACE_S = 0.5  # how often the figures of a run that goes on are sent
_STATUS_S = 30.0  # how often a socket is told of all providers
_MOST_BYTES = 8 * 2**20  # that one socket has not taken: the rows of 25,000 runs, of each the newest

TOO_SLOW = 1013  # Try Again Later: IANA, WebSocket Close Code Number Registry


class StatusMessage(msgspec.Struct, frozen=True, tag="status", tag_field="type"):
    """All providers as they are now: on connect, and every 30 s."""

    providers: list[ProviderInfo]
    default: str | None
    timestamp: str


class StateChange(msgspec.Struct, frozen=True, tag="state_change", tag_field="type"):
    """A provider's state has just changed, by a check or by a call."""

    provider: str
    old: ProviderState
    new: ProviderState
    error: str | None
    timestamp: str


class GenerationStats(msgspec.Struct, frozen=True, tag="generation_stats", tag_field="type"):
    """How one of the caller's runs goes, or, with a final `state`, how it went. A run outside any chat has no chat.

    `estimated`: the tokens are counted by us, not by the provider. At the end, `error` is the code of what it failed
    with, and `cost_usd` what it cost where that is known.
    """

    run_id: str
    chat_id: str | msgspec.UnsetType
    state: StateName
    provider: str
    model: str
    tokens: int
    tokens_per_second: float | None
    time_to_first_token_ms: float | None
    elapsed_ms: float
    estimated: bool
    error: str | None
    cost_usd: float | None


class ChatChange(msgspec.Struct, frozen=True, tag="chat", tag_field="type"):
    """One of the caller's chats was stored, as it is now, or deleted: then it has neither title nor revision."""

    chat_id: str
    change: Literal["saved", "deleted"]
    title: str | msgspec.UnsetType = msgspec.UNSET
    revision: int | msgspec.UnsetType = msgspec.UNSET


class Outbox:
    """What one socket has still to be sent: of each kind the newest. `ending` is the code and reason to close with."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.ending: tuple[int, str] | None = None
        self._messages: dict[Hashable, bytes] = {}
        self._bytes = 0
        self._wake = asyncio.Event()

    def put(self, kind: Hashable, message: bytes) -> None:
        """Send `message` soon, in place of an older one of that kind."""
        self._bytes += len(message) - len(self._messages.pop(kind, b""))
        self._messages[kind] = message
        # Why not the number: of an owner with many runs each has a row, however fast they are read.
        if self._bytes > _MOST_BYTES:
            self._messages, self._bytes = {}, 0
            self.end(TOO_SLOW, "Read faster.")
        self._wake.set()

    def end(self, code: int, reason: str) -> None:
        """Close the socket soon; the first reason counts."""
        self.ending = self.ending or (code, reason)
        self._wake.set()

    async def take(self) -> list[bytes]:
        """What there is to send, in order, as soon as there is something; empty when the socket is to be closed."""
        while self.ending is None and not self._messages:
            self._wake.clear()
            await self._wake.wait()
        if self.ending is not None:
            return []
        messages = list(self._messages.values())
        self._messages, self._bytes = {}, 0
        return messages


class StatusFeed(RunObserver):
    """Fills the outbox of every open socket.

    Is told of runs as an observer, of providers by `state_changed`, of chats by `chat_changed`.
    """

    def __init__(
        self, chat: ChatInterface, providers: Providers, *, pace_s: float = _PACE_S, status_s: float = _STATUS_S
    ) -> None:
        self._chat = chat
        self._providers = providers
        self._pace_s = pace_s
        self._status_s = status_s
        self._due: dict[Outbox, float] = {}
        self._changes = 0
        self._telling: asyncio.Task[None] | None = None

    @contextmanager
    def outbox(self, owner: str) -> Iterator[Outbox]:
        """A new outbox with the first status in it, filled while this lasts."""
        outbox = Outbox(owner)
        outbox.put("status", self._status())
        self._due[outbox] = asyncio.get_running_loop().time() + self._status_s
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell_while_open(), name="status-feed")
        try:
            yield outbox
        finally:
            del self._due[outbox]

    async def aclose(self) -> None:
        """Stop telling anybody anything."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])

    def state_changed(self, name: str, old: ProviderState, new: ProviderState, error: str | None) -> None:
        """Tell every socket of a provider's new state."""
        if self._due:
            self._changes += 1
            message = msgspec.json.encode(StateChange(name, old, new, error, now()))
            for outbox in self._due:
                outbox.put(self._changes, message)

    def run_generating(self, run: Run) -> None:
        """Tell the owner's sockets that it goes on."""
        self._tell_of([run])

    def run_ended(self, run: Run) -> None:
        """Tell the owner's sockets how it went."""
        self._tell_of([run])

    def chat_changed(self, key: ChatKey, chat: Chat | None) -> None:
        """Tell the owner's sockets that the chat was stored, or with None that it was deleted."""
        outboxes = [outbox for outbox in self._due if outbox.owner == key.owner]
        if not outboxes:
            return
        change = (
            ChatChange(key.chat_id, "deleted")
            if chat is None
            else ChatChange(key.chat_id, "saved", chat.title, chat.revision)
        )
        message = msgspec.json.encode(change)
        for outbox in outboxes:
            outbox.put(("chat", key.chat_id), message)

    def _tell_of(self, runs: list[Run]) -> None:
        if not self._due:
            return
        outboxes = defaultdict[str, list[Outbox]](list)
        for outbox in self._due:
            outboxes[outbox.owner].append(outbox)
        for run in runs:
            if run.record.owner in outboxes:
                message = msgspec.json.encode(_stats_of(run))
                for outbox in outboxes[run.record.owner]:
                    outbox.put(run.run_id, message)

    async def _tell_while_open(self) -> None:
        while self._due:
            try:
                self._tell()
            except Exception:
                _logger.exception("status_feed_crashed")
            await asyncio.sleep(self._pace_s)

    def _tell(self) -> None:
        self._tell_of([run for run in self._chat.live_runs(None) if run.state is RunState.RUNNING])
        moment = asyncio.get_running_loop().time()
        due = [outbox for outbox, due_at in self._due.items() if due_at <= moment]
        message = self._status() if due else b""
        for outbox in due:
            outbox.put("status", message)
            self._due[outbox] = moment + self._status_s

    def _status(self) -> bytes:
        return msgspec.json.encode(StatusMessage(self._providers.infos(), self._providers.default_name, now()))


def _stats_of(run: Run) -> GenerationStats:
    record, figures = run.record, run.reply.figures
    return GenerationStats(
        run_id=run.run_id,
        chat_id=record.chat_id or msgspec.UNSET,
        state=run.state.value,
        provider=run.provider,
        model=run.model,
        tokens=figures.tokens,
        tokens_per_second=figures.stats.tokens_per_second,
        time_to_first_token_ms=figures.stats.time_to_first_token_ms,
        elapsed_ms=figures.stats.elapsed_ms,
        estimated=figures.estimated,
        error=run.problem.code if run.problem else None,
        cost_usd=run.reply.cost_usd,
    )
