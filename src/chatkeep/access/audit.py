"""The audit log: who did what, which chat, when, in which request. Never what anybody wrote."""

from contextvars import ContextVar
from typing import Protocol

import msgspec

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


class Acting(msgspec.Struct, frozen=True):
    """Who sends the request that is being answered. `address` is None when it is not known."""

    who: str
    request_id: str
    address: str | None


ACTING = ContextVar[Acting | None]("acting", default=None)
"""Set for a request that showed a key; a run's task has that of the request that began it."""


class AuditTrail(Protocol):
    """Where acts are noted."""

    def append(self, entry: AuditEntry) -> None:
        """Add it at the end. Never fails: a disk that refuses it costs the line, and the other log says so."""
        ...

    def newest(self, limit: int) -> list[AuditEntry]:
        """The last entries, newest first, at most `limit`; of a long log only its end is looked through."""
        ...


class AuditedRuns(RunObserver):
    """Notes every message that was taken with a key."""

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    def run_taken(self, run: Run) -> None:
        """Note who sent it."""
        acting = ACTING.get()
        if acting is None:
            return
        self._trail.append(
            AuditEntry(
                at=now(),
                who=acting.who,
                what=Action.TALK,
                chat_id=run.record.chat_id or None,
                run_id=run.run_id,
                request_id=acting.request_id,
                address=acting.address,
            )
        )
