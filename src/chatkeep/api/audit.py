"""Notes what requests changed, and what was refused to whom. Messages sent are noted where they are taken."""

import re

from litestar.types import Scope

from chatkeep.access.audit import AuditEntry, AuditTrail
from chatkeep.access.policy import Action
from chatkeep.access.subject import Subject
from chatkeep.api.origins import known_address
from chatkeep.chat.model import now

_FORBIDDEN = 403
_RATE_LIMITED = 429
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")  # what is no id of ours may be any text
_NOTED = {Action.CHANGE, Action.LOGIN, Action.AUDIT}


class AuditedRequests:
    """Called with every request that was answered, and its status.

    Keys that were refused, and requests that came too often, are left to the request log: they could fill the disk.
    """

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    def __call__(self, scope: Scope, status: int) -> None:
        state = scope["state"]
        subject = state.get("subject")
        if not isinstance(subject, Subject) or not subject.is_audited or status == _RATE_LIMITED:
            return
        if state.get("action") not in _NOTED and status != _FORBIDDEN:
            return
        given = scope.get("path_params", {})
        self._trail.append(
            AuditEntry(
                at=now(),
                who=subject.name,
                what=f"{scope.get('method', 'WEBSOCKET')} {scope.get('path_template', '')}",
                outcome=status,
                chat_id=_id(given.get("chat_id")),
                run_id=_id(given.get("run_id")),
                request_id=state["request_id"],
                address=known_address(scope),
                owner=state.get("audited_owner"),
            )
        )


def _id(value: object) -> str | None:
    return value if isinstance(value, str) and _ID.match(value) else None
