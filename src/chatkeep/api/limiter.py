"""Rate limits of requests: each is counted before its view is called, and its response says what is left."""

import math

from litestar.types import Scope

from chatkeep.access.policy import Action
from chatkeep.access.rate import Allowance, RateLimits, group_of
from chatkeep.access.subject import Subject
from chatkeep.api.origins import known_address
from chatkeep.errors import RateLimited


class Limiter:
    """Puts the headers `X-RateLimit-…` where the envelope finds them. Without `rates` nothing is limited."""

    def __init__(self, rates: RateLimits | None) -> None:
        self._rates = rates

    def check(self, scope: Scope, subject: Subject | None, action: Action) -> None:
        """Count a request of `subject`, None for nobody known, unless it or `action` is free. Raises: RateLimited."""
        group = group_of(action)
        if self._rates is None or group is None or (subject is not None and subject.is_local):
            return
        try:
            _tell(scope, self._rates.hit(subject, known_address(scope) or "", group))
        except RateLimited as exc:
            _tell_refusal(scope, exc)
            raise

    def note_failure(self, scope: Scope) -> None:
        """Count a credential that is wrong. Raises: RateLimited, in place of Unauthorized, when there were too many."""
        if self._rates is None:
            return
        try:
            self._rates.note_failure(known_address(scope) or "")
        except RateLimited as exc:
            _tell_refusal(scope, exc)
            raise


def _tell(scope: Scope, allowance: Allowance) -> None:
    """Reset is in seconds from now."""
    scope["state"]["headers"] += [
        (b"x-ratelimit-limit", b"%d" % allowance.limit),
        (b"x-ratelimit-remaining", b"%d" % allowance.remaining),
        (b"x-ratelimit-reset", b"%d" % math.ceil(allowance.reset_after_s)),
    ]


def _tell_refusal(scope: Scope, exc: RateLimited) -> None:
    _tell(scope, Allowance(exc.limit, 0, exc.retry_after_s or 0))
