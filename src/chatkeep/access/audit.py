"""The audit log: who did what, which chat, when, in which request. Never what anybody wrote."""

from collections.abc import Callable
from typing import Protocol

import msgspec
import structlog

from chatkeep.access.policy import Action
from chatkeep.chat.model import now
from chatkeep.chat.observe import RunObserver
from chatkeep.chat.run import Run


class AuditEntry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One act. `who` is a key's name, `what` a route or a command, `outcome` the status of its answer.

    `owner` is whose things it was about when they were not the key's own, `key` the key that a command made or ended.
    """

    at: str
    who: str
    what: str
    outcome: int | None = None
    chat_id: str | None = None
    run_id: str | None = None
    request_id: str | None = None
    address: str | None = None
    owner: str | None = None
    key: str | None = None


class AuditTrail(Protocol):
    """Where acts are noted."""

    def append(self, entry: AuditEntry) -> None:
        """Add it at the end. Never fails: a disk that refuses it costs the line, and the other log says so."""
        ...

    def newest(self, limit: int) -> list[AuditEntry]:
        """The last entries, newest first, at most `limit`; of a long log only its end is looked through."""
        ...


class AuditedRuns(RunObserver):
    """Notes every message that was taken. `is_on` says whether there is anybody to tell apart."""

    def __init__(self, trail: AuditTrail, is_on: Callable[[], bool]) -> None:
        self._trail = trail
        self._is_on = is_on

    def run_taken(self, run: Run) -> None:
        """Note who sent it, from the context of the request."""
        if not self._is_on():
            return
        context = structlog.contextvars.get_contextvars()
        self._trail.append(
            AuditEntry(
                at=now(),
                who=context.get("key", run.record.owner),
                what=Action.TALK,
                chat_id=run.record.chat_id or None,
                run_id=run.run_id,
                request_id=context.get("request_id"),
            )
        )
