"""A run: one generation. Numbers its events, keeps them, wakes followers, ends exactly once.

Owns what followers may see and when. Driving the provider is turn.py's, writing the journal recorder.py's.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence, Sized
from enum import StrEnum

import msgspec
from msgspec import UNSET

from chatkeep.chat.events import (
    Delta,
    Done,
    JournalLine,
    Problem,
    Reasoning,
    Retry,
    RunEvent,
    Start,
    UsageReport,
    encode,
    problem,
)
from chatkeep.chat.model import CheckResult, FailedCall, Message, ReplyStatus, Stats, ToolCall, Usage
from chatkeep.chat.ports import RunRecord
from chatkeep.errors import ChatkeepError

_PIECE_SIZE = 64 * 1024  # about what a server takes before it waits for its client
_CHARS_A_TOKEN = 4  # in the usual vocabularies, of English
_MOST_TOKENS = 2**53  # what a provider counts is its own affair, but must not break our arithmetic


class RunState(StrEnum):
    """Where a run is. The last four are for good."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    STOPPED = "stopped"
    FAILED = "failed"
    INTERRUPTED = "interrupted"

    @classmethod
    def of_reply(cls, status: ReplyStatus) -> "RunState":
        """How the run ended whose reply is marked so."""
        return cls.COMPLETED if status == "complete" else cls(status)

    @property
    def is_final(self) -> bool:
        """Whether a run in this state is over."""
        return self not in (RunState.QUEUED, RunState.RUNNING)

    @property
    def reply_status(self) -> ReplyStatus:
        """How the reply of a run that ended so is marked in its chat."""
        match self.value:
            case "stopped" | "failed" | "interrupted" as status:
                return status
            case _:
                return "complete"


class Ending(StrEnum):
    """Why a run is being cancelled."""

    STOP = "stop"
    ROLLBACK = "rollback"
    SHUTDOWN = "shutdown"


class Run:
    """One generation, live or finished. Events are numbered from 0 without gaps.

    `provider` and `model` are who answers, as far as is known: a fallback may take over from those of `record`.
    `begins_chat` says that its chat had no file when it was read for this run; `replayable` that the events are those
    that were sent, not made anew from the stored text. `problem` is why it failed, `ending` why it was made to end.
    `question_checks` are the checks of its question, None before they are made; `before` is what its chat had before,
    as long as the reply's checks need it.

    An event is *taken* when the provider gave it, and *revealed* when the journal has it: followers
    see only revealed ones, so nothing that was seen is lost with the process.
    """

    def __init__(self, record: RunRecord) -> None:
        self.record = record
        self.provider = record.provider
        self.model = record.model
        self.state = RunState.QUEUED
        self.ending: Ending | None = None
        self.begins_chat = False
        self.replayable = True
        self.reply = Reply()
        self.problem: Problem | None = None
        self.question_checks: list[CheckResult] | None = None
        self.before: Sequence[Message] = ()
        self.frames: list[bytes] = []
        self._revealed = 0
        self._texts: list[str] = []
        self._asides: list[tuple[int, Reasoning | ToolCall]] = []
        self._unwritten: list[bytes] = []
        self._held: bytes | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._last_taken = False

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.record.run_id

    @property
    def is_kept(self) -> bool:
        """Whether the first event is revealed: the journal has the message."""
        return self._revealed > 0

    @property
    def ended(self) -> bool:
        """Whether the last event is revealed: nothing will follow."""
        return self._last_taken and self._revealed == len(self.frames)

    @property
    def closed(self) -> bool:
        """Whether the last event was taken and may be written, revealed or not."""
        return self._last_taken and self._held is None

    @property
    def last_event_id(self) -> int:
        """Number of the last revealed event, -1 before the first."""
        return self._revealed - 1

    @property
    def visible_text(self) -> str:
        """The reply's text up to and with event `last_event_id`."""
        return "".join(self._texts[: self._revealed])

    @property
    def visible_reasoning(self) -> str:
        """The reasoning up to and with event `last_event_id`."""
        return "".join(aside.text for aside in self._visible_asides() if isinstance(aside, Reasoning))

    @property
    def visible_tool_calls(self) -> list[ToolCall]:
        """The calls of functions up to and with event `last_event_id`."""
        return [aside for aside in self._visible_asides() if isinstance(aside, ToolCall)]

    def _visible_asides(self) -> Iterator[Reasoning | ToolCall]:
        return (aside for number, aside in self._asides if number < self._revealed)

    def begin(self) -> None:
        """Take the first event."""
        record = self.record
        self.take(
            Start(
                run_id=record.run_id,
                chat_id=record.chat_id or UNSET,
                message_id=record.message_id,
                provider=record.provider,
                model=record.model,
                continues=record.continues or UNSET,
            )
        )

    def take(self, event: RunEvent, *, held: bool = False) -> None:
        """Number and keep `event`, unseen until `reveal`. The last event closes the run to further ones.

        A `held` one is not written to the journal before `release`.
        """
        if self._last_taken:
            raise ChatkeepError(f"Run {self.run_id} was given an event after its last one.")
        shown, line = encode(len(self.frames), event)
        self._keep(event)
        self.frames.append(shown)
        if held:
            self._held = line
        else:
            self._unwritten.append(line)

    def _keep(self, event: RunEvent) -> None:
        """Keep what `event`, the next one, says to whoever comes later."""
        if isinstance(event, Delta):  # nearly all are
            self._texts.append(event.text)
            return
        self._texts.append("")
        match event:
            case Reasoning() | ToolCall():
                self._asides.append((len(self.frames), event))
            case Done() | Problem():
                self._last_taken = True
            case Retry():
                self.provider, self.model = event.provider, event.model

    def release(self) -> None:
        """Let the held event be written."""
        if self._held is not None:
            self._unwritten.append(self._held)
            self._held = None

    def unwritten(self) -> tuple[list[bytes], int]:
        """Hand over the journal lines taken since the last call, and the count that `reveal` then gets."""
        lines, self._unwritten = self._unwritten, []
        return lines, len(self.frames)

    def take_back(self, lines: list[bytes]) -> None:
        """`lines` could not be written: they stand before whatever was taken since."""
        self._unwritten[:0] = lines

    def reveal(self, count: int) -> None:
        """Let followers see the first `count` events."""
        self._revealed = max(self._revealed, count)
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def reveal_all(self) -> None:
        """Let followers see every event, also what the journal could not take."""
        self.reveal(len(self.frames))

    def piece_after(self, number: int) -> tuple[bytes, int]:
        """The next revealed events above `number`, joined, and the last one's number.

        At most 64 KiB, or one event that is larger; empty when there are none.
        """
        end = self._piece_end(self.frames, number + 1)
        return b"".join(self.frames[number + 1 : end]), end - 1

    def text_piece_after(self, number: int) -> tuple[str, int]:
        """The next of the reply's text above event `number`, cut as by `piece_after`; may be empty between events."""
        end = self._piece_end(self._texts, number + 1)
        return "".join(self._texts[number + 1 : end]), end - 1

    def _piece_end(self, rows: Sequence[Sized], begin: int) -> int:
        """Where the piece ends that begins at `begin`: what each of many followers holds is bounded."""
        room = _PIECE_SIZE
        for end in range(begin, self._revealed):
            room -= len(rows[end])
            if room < 0:
                return max(end, begin + 1)
        return self._revealed

    async def changed(self) -> None:
        """Return when something was revealed after this call."""
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    async def wait_ended(self) -> None:
        """Return when the last event is revealed."""
        while not self.ended:
            await self.changed()

    def fail(self, error: ChatkeepError) -> None:
        """Fix `problem`, with the text there is."""
        record = self.record
        self.problem = msgspec.structs.replace(
            problem(error),
            chat_id=record.chat_id or None,
            run_id=record.run_id,
            message_id=record.message_id,
            state=self.state.value,
            partial=self.reply.text,
        )
        self._forget_who_said_nothing()

    def resume(self, lines: list[JournalLine]) -> None:
        """Take in the events of an earlier process, all revealed. Raises: msgspec.MsgspecError."""
        for line in lines:
            event = line.decoded()
            self._keep(event)
            self._absorb(event)
            self.frames.append(line.frame())
        self._revealed = len(self.frames)

    def _absorb(self, event: RunEvent) -> None:
        match event:
            case Delta() | Reasoning() | ToolCall() | UsageReport():
                self.reply.add(event)
            case Done():
                self.state = RunState(event.state)
                self.reply.finish_reason, self.reply.usage, self.reply.stats = (
                    event.finish_reason,
                    event.usage,
                    event.stats,
                )
                self.reply.checks = event.checks
            case Problem():
                self.state = RunState(event.state or RunState.FAILED)
                self.problem = event
                self._forget_who_said_nothing()
            case Retry():
                self.reply.fail(event.failed)
            case Start():
                pass

    def _forget_who_said_nothing(self) -> None:
        """A run that failed without a word is that of the provider that was meant, and not of the last one asked."""
        if self.state is RunState.FAILED and self.reply.is_empty:
            self.provider, self.model = self.record.provider, self.record.model


class Figures(msgspec.Struct, frozen=True):
    """A reply's tokens and times: until now while it is written, and then for good."""

    tokens: int
    estimated: bool
    stats: Stats


class Reply:
    """What the provider has given so far, and when."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.length = 0
        self._pieces = 0
        self.reasoning: list[str] = []
        self.tool_calls: list[ToolCall] = []
        self.failed: list[FailedCall] = []
        self.prompt_tokens = 0
        self.cost_usd: float | None = None
        self.usage: Usage | None = None
        self.stats: Stats | None = None
        self.finish_reason: str | None = None
        self.checks: list[CheckResult] = []
        self._began: float | None = None
        self._first: float | None = None

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.texts)

    @property
    def tokens(self) -> int:
        """Tokens so far, estimated: a piece is one or more, and a token is about four characters."""
        return max(self._pieces, self.length // _CHARS_A_TOKEN)

    @property
    def figures(self) -> Figures:
        """How many tokens there are, who counted them, and how fast they came."""
        usage = self.usage
        tokens = usage.completion_tokens if usage else self.tokens
        return Figures(tokens, usage.estimated if usage else True, self.stats or self._measure(tokens))

    @property
    def is_empty(self) -> bool:
        """Whether the provider has given nothing yet."""
        return self._pieces == 0

    def begin(self) -> None:
        """The provider is being called now. Only the first call counts: a reader has waited for the others too."""
        if self._began is None:
            self._began = time.monotonic()

    def add(self, event: Delta | Reasoning | ToolCall | UsageReport) -> None:
        """Keep one piece."""
        if isinstance(event, UsageReport):
            self.usage = event.usage
            return
        self._pieces += 1
        if self._first is None:
            self._first = time.monotonic()
        match event:
            case Delta(text=text):
                self.texts.append(text)
                self.length += len(text)
            case Reasoning(text=text):
                self.reasoning.append(text)
                self.length += len(text)
            case ToolCall():
                self.tool_calls.append(event)
                self.length += len(event.arguments)

    def fail(self, call: FailedCall) -> None:
        """A call gave nothing. What it counted is not the reply's: another provider may make that."""
        self.failed.append(call)
        self.usage = None

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the first call."""
        return 0.0 if self._began is None else round((time.monotonic() - self._began) * 1000, 3)

    def count(self) -> Usage:
        """Fix the usage, once. Without the provider's count the reply's tokens are estimated."""
        if self.usage is None:
            tokens = self.tokens
            self.usage = Usage(self.prompt_tokens, tokens, self.prompt_tokens + tokens, estimated=True)
        return self.usage

    def close(self) -> tuple[Usage, Stats]:
        """Fix usage and times, once."""
        usage = self.count()
        if self.stats is None:
            self.stats = self._measure(usage.completion_tokens)
        return usage, self.stats

    def _measure(self, tokens: int) -> Stats:
        cost_usd = UNSET if self.cost_usd is None else self.cost_usd
        failed = self.failed or UNSET
        if self._began is None:
            return Stats(None, 0.0, None, cost_usd, failed)
        now = time.monotonic()
        elapsed_s = now - self._began
        if self._first is None:
            return Stats(None, round(elapsed_s * 1000, 3), None, cost_usd, failed)
        generating_s = now - self._first
        rate = round(min(tokens, _MOST_TOKENS) / generating_s, 1) if generating_s > 0 else None
        return Stats(round((self._first - self._began) * 1000, 3), round(elapsed_s * 1000, 3), rate, cost_usd, failed)
