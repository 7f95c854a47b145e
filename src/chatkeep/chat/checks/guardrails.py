"""The checks of a turn: before its model is asked, before its reply is stored, and after.

A question that is denied goes to no model. A reply has been read by its followers when it is checked: it is marked.
"""

from collections.abc import Awaitable, Callable, Sequence

from chatkeep.chat.branch import path_before
from chatkeep.chat.checks.check import Checked
from chatkeep.chat.checks.threads import Checks
from chatkeep.chat.continuation import whole
from chatkeep.chat.model import Chat, CheckResult, Message, denial_in
from chatkeep.chat.observe import Observers
from chatkeep.chat.ports import Tool
from chatkeep.chat.run import Run, RunState
from chatkeep.chat.seal import reply_of
from chatkeep.errors import ContentDenied, StorageFailed

DENIED_REPLY = "content_filter"  # the finish_reason by which clients know a filter that answers for a model


class Guardrails:
    """Asks `checks` about the questions and replies of runs, and tells `observers` of each answer."""

    def __init__(self, checks: Checks, observers: Observers) -> None:
        self._checks = checks
        self._observers = observers

    async def admit_instructions(self, system_prompt: str | None, tools: Sequence[Tool] = ()) -> None:
        """Return when a system prompt, and tools that came with a question, may go to a model.

        They stand in no message that could be marked, so they are checked before a run is begun, or the prompt is
        stored. Raises: ContentDenied.
        """
        if not self._checks.has("input"):
            return
        described = [f"{tool.name}\n{tool.description}\n{bytes(tool.parameters).decode()}" for tool in tools]
        for text in [system_prompt or "", *described]:
            if text:
                _refuse_denied(await self._opinions(Message(role="system", content=text), []))

    async def admit(self, run: Run, chat: Chat | None) -> None:
        """Return when the question of `run` may go to a model. Raises: ContentDenied. CancelledError passes."""
        before = path_before(chat, run.record.parent_id)
        if self._checks.has("reply"):
            run.before = before
        await self._ask_of_question(run, before)
        _refuse_denied(run.question_checks or [])

    async def mark(self, run: Run) -> None:
        """Put the opinions of the reply of `run`, which is complete and not yet stored, into it."""
        before, run.before = run.before, ()
        if not self._checks.has("reply") or (run.reply.is_empty and run.state is not RunState.COMPLETED):
            return
        asked = [] if run.record.asks_again else [run.record.user]
        reply, earlier = whole([*before, *asked], reply_of(run))
        checked = Checked("reply", reply, earlier)
        run.reply.checks = await self._checks.of(checked)
        self._observers.message_checked(run.reply.checks)
        if run.state is RunState.COMPLETED and denial_in(run.reply.checks) is not None:
            run.reply.finish_reason = DENIED_REPLY

    async def mark_turn(self, run: Run, load: Callable[[], Awaitable[Chat | None]]) -> None:
        """As `mark`, and its question too, when that was not admitted: as a part of the chat it is sent later.

        `load` gives the chat as it is without the turn.
        """
        if run.question_checks is None and (self._checks.has("input") or self._checks.has("reply")):
            run.before = path_before(await _chat_or_none(load), run.record.parent_id)
            await self._ask_of_question(run, run.before)
        await self.mark(run)

    async def _ask_of_question(self, run: Run, before: Sequence[Message]) -> None:
        run.question_checks = await self._opinions(run.record.user, before) if self._checks.has("input") else []

    async def _opinions(self, message: Message, before: Sequence[Message]) -> list[CheckResult]:
        """What the checks of questions say."""
        results = await self._checks.of(Checked("input", message, before))
        self._observers.message_checked(results)
        return results


async def _chat_or_none(load: Callable[[], Awaitable[Chat | None]]) -> Chat | None:
    """The chat; None when it cannot be read now, for then the turn is stored later, as it is marked now."""
    try:
        return await load()
    except StorageFailed:
        return None


def _refuse_denied(results: Sequence[CheckResult]) -> None:
    """Raises: ContentDenied."""
    denied = denial_in(results)
    if denied is not None:
        why = f": {denied.detail}" if denied.detail else "."
        raise ContentDenied(f"The check {denied.name} does not let this message through{why}")
