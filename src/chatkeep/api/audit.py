"""Notes what requests changed, and what was refused to whom. Messages sent are noted where they are taken."""

from litestar.types import Scope

from chatkeep.access.audit import AuditEntry, AuditTrail
from chatkeep.access.policy import Action
from chatkeep.access.subject import ANONYMOUS, Subject
from chatkeep.chat.model import now

_FORBIDDEN = 403
_NOTED = {Action.CHANGE, Action.LOGIN, Action.AUDIT}


class AuditedRequests:
    """Called with every request that was answered, and its status. Refused keys are left to the request log.

    Why: who has no key could fill the disk with refusals.
    """

    def __init__(self, trail: AuditTrail) -> None:
        self._trail = trail

    def __call__(self, scope: Scope, status: int) -> None:
        state = scope["state"]
        subject = state.get("subject")
        if not isinstance(subject, Subject) or subject is ANONYMOUS:
            return
        if state.get("action") not in _NOTED and status != _FORBIDDEN:
            return
        given = scope.get("path_params", {})
        client = scope.get("client")
        self._trail.append(
            AuditEntry(
                at=now(),
                who=subject.name,
                what=f"{scope.get('method', 'WEBSOCKET')} {scope.get('path_template', '')}",
                outcome=status,
                chat_id=_text(given.get("chat_id")),
                run_id=_text(given.get("run_id")),
                request_id=state["request_id"],
                address=client[0] if client else None,
                owner=state.get("audited_owner"),
            )
        )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
