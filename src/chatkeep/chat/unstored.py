"""Runs outside any chat: one question, one reply, kept nowhere.

They have the limits, the events and the stop of every run, and no queue, journal or transcript: while this
process lives, and for a while after their end, they can be followed; a crash loses them whole.
"""

import asyncio
from collections.abc import Callable, Iterator

import msgspec
import structlog

from chatkeep.chat.attempt import attempt
from chatkeep.chat.calls import Calls
from chatkeep.chat.checks.guardrails import Guardrails
from chatkeep.chat.checks.threads import Checks
from chatkeep.chat.context import fit
from chatkeep.chat.ending import conclude, last_event, log_end
from chatkeep.chat.events import RunEvent
from chatkeep.chat.guard import Limits
from chatkeep.chat.messages import OnLeave, SendRequest, record_of
from chatkeep.chat.model import ChatKey
from chatkeep.chat.observe import Observers
from chatkeep.chat.ports import Provider, ProviderRequest, Providers, Tool
from chatkeep.chat.run import Ending, Run, RunState
from chatkeep.errors import ChatkeepError, RateLimited

_MOST_AT_ONCE = 100  # of one owner: there is no lane in which they would wait
_RETRY_AFTER_S = 1.0  # a place is free as soon as any of them ends


class GenerateRequest(msgspec.Struct, frozen=True):
    """One question outside any chat; the model gets it alone, without a system prompt. None is the default.

    `temperature` is 0 to 2, `max_tokens` at least 1. `tools` are functions it may ask for.
    """

    prompt: str
    provider: str | None = None
    model: str | None = None
    temperature: float | None = None
    max_tokens: int | None = None
    tools: list[Tool] = []
    on_leave: OnLeave = "continue"


class Unstored:
    """Drives runs that no chat has. `ended` and `observers` are told as of any other run."""

    def __init__(
        self,
        *,
        providers: Providers,
        limits: Limits,
        context_tokens: int | None,
        ended: Callable[[Run], None],
        observers: Observers,
        checks: Checks,
    ) -> None:
        self._providers = providers
        self._calls = Calls(providers, limits)
        self._context_tokens = context_tokens
        self._ended = ended
        self._observers = observers
        self._guardrails = Guardrails(checks, observers)
        self._going: dict[str, tuple[Run, asyncio.Task[None]]] = {}

    def __iter__(self) -> Iterator[Run]:
        """The runs that have not ended, in the order they were taken."""
        return (run for run, _ in list(self._going.values()))

    def begin(self, run: Run, provider: Provider) -> None:
        """Let `run` go, at once. Raises: ContextTooLong; RateLimited when its owner has too many going."""
        record = run.record
        if sum(other.record.owner == record.owner for other in self) >= _MOST_AT_ONCE:
            raise RateLimited(
                f"{_MOST_AT_ONCE} generations are going: wait for one of them.", retry_after_s=_RETRY_AFTER_S
            )
        self._request(run, provider, record.model)
        run.begin()
        run.unwritten()
        run.reveal_all()
        self._going[run.run_id] = run, asyncio.create_task(self._drive(run, provider), name=run.run_id)
        self._observers.run_taken(run)

    async def stop(self, run: Run, ending: Ending) -> None:
        """End `run`; it has ended on return, and its upstream connection is closed."""
        if run.ended:
            return
        if run.ending is None:
            run.ending = ending
            # Race: a task that is cancelled before its first step would never run.
            if run.state is RunState.RUNNING:
                self._going[run.run_id][1].cancel()
        await run.wait_ended()

    def _request(self, run: Run, provider: Provider, model: str) -> ProviderRequest:
        record = run.record
        window = self._context_tokens or provider.context_tokens(model)
        messages, run.reply.prompt_tokens = fit((), "", record.user, window=window, max_tokens=record.max_tokens)
        return ProviderRequest(model, messages, record.temperature, record.max_tokens, record.tools)

    async def _drive(self, run: Run, provider: Provider) -> None:
        structlog.contextvars.bind_contextvars(run_id=run.run_id)
        await self._end(run, await attempt(run, lambda: self._generate(run, provider), self._providers))

    async def _generate(self, run: Run, provider: Provider) -> None:
        run.state = RunState.RUNNING
        await self._guardrails.admit(run, None)
        self._observers.run_generating(run)
        await self._calls.answer(run, provider, lambda asked, model: self._request(run, asked, model), self._publish)

    async def _end(self, run: Run, failure: ChatkeepError | None) -> None:
        conclude(run, failure)
        await self._guardrails.mark(run)
        self._publish(run, last_event(run))
        del self._going[run.run_id]
        self._ended(run)
        log_end(run)
        self._observers.run_ended(run)

    def _publish(self, run: Run, event: RunEvent) -> None:
        run.take(event)
        run.unwritten()  # no journal takes them
        run.reveal_all()


def unstored_run(owner: str, request: GenerateRequest, provider: str, model: str) -> Run:
    """The run that answers `request`: it names no chat."""
    sent = SendRequest(
        request.prompt,
        temperature=request.temperature,
        max_tokens=request.max_tokens,
        on_leave=request.on_leave,
    )
    record = record_of(ChatKey(owner, ""), sent, provider, model, None)
    return Run(msgspec.structs.replace(record, tools=request.tools))
