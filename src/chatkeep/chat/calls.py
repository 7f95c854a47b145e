"""Get a reply: ask the provider, ask it again, then its fallbacks, until one of them has begun to speak.

What one call may take and say is generate.py's; who the fallbacks are, and who may be called, the providers'.
"""

import asyncio
import copy
import random
from collections.abc import Callable

import msgspec
import stamina
import structlog

from chatkeep.chat.events import Retry
from chatkeep.chat.generate import Publish, generate
from chatkeep.chat.guard import Limits
from chatkeep.chat.model import FailedCall
from chatkeep.chat.ports import Provider, ProviderRequest, Providers
from chatkeep.chat.run import Run
from chatkeep.errors import ChatkeepError, ContextTooLong, ModelNotFound, ProviderFailed, ProviderRateLimited

_FIRST_WAIT_S = 0.5  # most services that fail for a moment are back within a second
_JITTER = 0.5  # of a wait, to either side: many runs that failed at once must not come back at once

RequestOf = Callable[[Provider, str], ProviderRequest]
"""What that provider's model is asked; windows differ. Raises: ContextTooLong."""

_OTHERS_MAY_ANSWER = (ProviderFailed, ModelNotFound, ContextTooLong)

_logger = structlog.get_logger("chatkeep.calls")


class _Question(msgspec.Struct, frozen=True):
    """One run's question. `ends_at` is when its time is over, on the loop's clock."""

    run: Run
    request_of: RequestOf
    publish: Publish
    ends_at: float

    @property
    def is_over(self) -> bool:
        """Whether the run's time is over."""
        return asyncio.get_running_loop().time() >= self.ends_at


class Calls:
    """Calls providers for all runs, under the limits, and tells them how it went."""

    def __init__(self, providers: Providers, limits: Limits) -> None:
        self._providers = providers
        self._limits = limits

    async def answer(self, run: Run, provider: Provider, request_of: RequestOf, publish: Publish) -> None:
        """Fill `run.reply`, from `provider` or from who answers in its place, and publish each event.

        After the first piece of a reply nobody else is asked. Raises: what the first provider failed with, when
        nobody answers; ProviderFailed, when the one that had begun fails. CancelledError passes.
        """
        question = _Question(run, request_of, publish, asyncio.get_running_loop().time() + self._limits.run_s)
        failure = await self._ask(question, provider, run.model)
        if failure is None:
            return
        failures = [(provider.name, failure)]
        for fallback, model in self._fallbacks(run):
            if question.is_over:
                break
            self._tell(question, fallback, model, 0.0, failure)
            failure = await self._ask(question, fallback, model)
            if failure is None:
                return
            failures.append((fallback.name, failure))
        if run.reply.failed:
            run.reply.fail(_failed_call(run, failure))
        raise _all_of(failures)

    def _fallbacks(self, run: Run) -> list[tuple[Provider, str]]:
        others = self._providers.fallbacks(run.record.provider, run.record.model)
        return [(other, model) for other, model in others if not run.record.prefill or other.can_prefill(model)]

    async def _ask(self, question: _Question, provider: Provider, model: str) -> ChatkeepError | None:
        """Call one provider, several times if need be; what it failed with when it gave nothing."""
        try:
            await self._call(question, provider, model)
        except _OTHERS_MAY_ANSWER as exc:
            if not question.run.reply.is_empty:
                raise
            return await self._ask_again(question, provider, model, exc)
        return None

    async def _ask_again(
        self, question: _Question, provider: Provider, model: str, failure: ChatkeepError
    ) -> ChatkeepError | None:
        attempt: stamina.Attempt

        def wait_s(exc: Exception) -> float | bool:
            if not isinstance(exc, ProviderFailed) or not question.run.reply.is_empty:
                return False
            delay_s = self._delay_s(exc, attempt, question.ends_at)
            if delay_s is None:
                return False
            self._tell(question, provider, model, delay_s, exc)
            return delay_s

        waits = {"wait_initial": _FIRST_WAIT_S, "wait_max": self._limits.retry_wait_s, "wait_jitter": 0}
        try:
            async for attempt in stamina.retry_context(wait_s, attempts=self._limits.attempts, timeout=None, **waits):
                with attempt:
                    if attempt.num == 1:  # Why: that call was made outside, where it costs a run that works nothing.
                        raise failure
                    await self._call(question, provider, model)
        except _OTHERS_MAY_ANSWER as exc:
            if not question.run.reply.is_empty:
                raise
            return exc
        return None

    def _delay_s(self, exc: ProviderFailed, attempt: stamina.Attempt, ends_at: float) -> float | None:
        """How long to wait before the next call; None when there is to be none."""
        if not exc.may_pass or attempt.num >= self._limits.attempts:
            return None
        longest_s = self._limits.retry_wait_s
        jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
        delay_s = min(attempt.next_wait * jitter, longest_s)
        if exc.retry_after_s is not None and not (isinstance(exc, ProviderRateLimited) and exc.is_guessed):
            delay_s = exc.retry_after_s
        over_at = asyncio.get_running_loop().time() + delay_s
        return delay_s if delay_s <= longest_s and over_at < ends_at else None

    async def _call(self, question: _Question, provider: Provider, model: str) -> None:
        run = question.run
        run.reply.begin()
        request = question.request_of(provider, model)
        await self.call(run, provider, request, question.ends_at, question.publish)

    async def call(
        self, run: Run, provider: Provider, request: ProviderRequest, ends_at: float, publish: Publish
    ) -> None:
        """Call `provider` once for `run`, when it may be called now, and note how that went.

        Raises: ProviderFailed, ModelNotFound, ContextTooLong. CancelledError passes.
        """
        self._providers.admit(provider.name)
        try:
            await generate(run, provider, request, self._limits, ends_at, publish)
        except Exception as exc:
            self._providers.report(provider.name, exc)
            raise
        self._providers.report(provider.name, None)

    def _tell(
        self, question: _Question, provider: Provider, model: str, delay_s: float, failure: ChatkeepError
    ) -> None:
        """Note that a call failed, and who is asked next."""
        run = question.run
        _logger.warning(
            "call_failed",
            run_id=run.run_id,
            provider=run.provider,
            code=failure.code,
            next=provider.name,
            delay_s=delay_s,
        )
        failed = _failed_call(run, failure)
        run.reply.fail(failed)
        question.publish(run, Retry(provider.name, model, round(delay_s, 3), failed))


def _failed_call(run: Run, failure: ChatkeepError) -> FailedCall:
    return FailedCall(run.provider, run.model, failure.code, failure.detail, run.reply.elapsed_ms)


def _all_of(failures: list[tuple[str, ChatkeepError]]) -> ChatkeepError:
    """What the first one failed with, which is whom the caller asked for, and in words what the others did."""
    (_, first), *others = failures
    if not others:
        return first
    told = copy.copy(first)
    details = [first.detail, *(f"Its fallback {name} failed too: {exc.detail}" for name, exc in others)]
    told.detail = " ".join(f"{detail.removesuffix('.')}." for detail in details)
    return told
