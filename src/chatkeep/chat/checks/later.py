"""Checks that are made when a reply is stored and its reader has it: a model's opinion takes seconds.

A few at a time, in the background. What they say is put on the stored reply; a stop or a crash loses the opinion alone.
"""

import asyncio
import functools
from collections.abc import Sequence

import msgspec
import structlog

from chatkeep.chat.background import Background, to_its_end
from chatkeep.chat.branch import path_of_place
from chatkeep.chat.checks.check import Check, Checked, no_opinion, opinion_of
from chatkeep.chat.checks.threads import Checks
from chatkeep.chat.continuation import whole
from chatkeep.chat.model import Chat, ChatKey, CheckResult, denial_in
from chatkeep.chat.observe import Observers
from chatkeep.chat.ports import ChatStore
from chatkeep.chat.run import Run, RunState
from chatkeep.chat.seal import load_or_none
from chatkeep.errors import RevisionConflict, StorageFailed

_AT_ONCE = 4
_MOST_WAITING = 100  # further replies go without: what is checked an hour late helps nobody
_DEADLINE_S = 60.0

_logger = structlog.get_logger("chatkeep.checks")


class LaterChecks:
    """Makes the later ones of `checks` for replies in `store`, and tells `observers` of each answer."""

    def __init__(self, checks: Checks, store: ChatStore, observers: Observers) -> None:
        self._checks = checks.later
        self._store = store
        self._observers = observers
        self._background = Background(_AT_ONCE, _MOST_WAITING)

    def consider(self, run: Run) -> None:
        """Check the reply of `run`, which is stored, as soon as there is a place; only a complete one with text."""
        if not self._checks or not _is_worth_it(run):
            return
        work = functools.partial(self._check, run.record.key, run.run_id)
        if not self._background.take(work, f"checks-{run.run_id}"):
            _logger.warning("check_left_out", run_id=run.run_id)

    async def aclose(self) -> None:
        """Give up what is going and what waits."""
        await self._background.aclose()

    async def _check(self, key: ChatKey, run_id: str) -> None:
        try:
            results = await self._opinions(key, run_id)
            if results:
                self._observers.message_checked(results)
                await to_its_end(self._put(key, run_id, results))
        except (StorageFailed, RevisionConflict) as exc:
            _logger.warning("check_not_stored", run_id=run_id, code=exc.code, detail=exc.detail)
        except Exception:
            _logger.exception("check_crashed")

    async def _opinions(self, key: ChatKey, run_id: str) -> list[CheckResult]:
        chat = await load_or_none(self._store, key)
        place = _place_of(chat, run_id)
        if chat is None or place is None:
            return []
        path = path_of_place(chat, place)
        reply, earlier = whole(path[:-1], path[-1])
        checked = Checked("later", reply, earlier)
        opinions = [await _in_time(check, checked) for check in self._checks]
        return [opinion for opinion in opinions if opinion is not None]

    async def _put(self, key: ChatKey, run_id: str, results: Sequence[CheckResult]) -> None:
        """Put `results` on the reply, in place of earlier ones of their names. Raises: StorageFailed."""
        names = {result.name for result in results}
        async with self._store.editing(key):
            chat = await load_or_none(self._store, key)
            place = _place_of(chat, run_id)
            if chat is None or place is None:
                return  # it was deleted meanwhile
            reply = chat.messages[place]
            kept = [result for result in reply.checks or () if result.name not in names]
            marked = msgspec.structs.replace(reply, checks=[*kept, *results])
            messages = [*chat.messages[:place], marked, *chat.messages[place + 1 :]]
            await self._store.save(key, msgspec.structs.replace(chat, revision=chat.revision + 1, messages=messages))


async def _in_time(check: Check, checked: Checked) -> CheckResult | None:
    try:
        async with asyncio.timeout(_DEADLINE_S):
            return await opinion_of(check, checked)
    except TimeoutError:
        return no_opinion(check, f"It gave no answer within {_DEADLINE_S:g} s.")


def _is_worth_it(run: Run) -> bool:
    reply = run.reply
    return run.state is RunState.COMPLETED and bool(reply.texts) and denial_in(reply.checks) is None


def _place_of(chat: Chat | None, run_id: str) -> int | None:
    """Where the reply stands that `run_id` made."""
    messages = chat.messages if chat else []
    return next((place for place in reversed(range(len(messages))) if messages[place].run_id == run_id), None)
