"""Before a view is called: who asks, how often, and whether they may. Every route goes through here."""

from typing import Any

from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from chatkeep.access.policy import Action, check
from chatkeep.access.subject import ANONYMOUS, Subject
from chatkeep.api.limiter import Limiter
from chatkeep.errors import Unauthorized

AnyConnection = ASGIConnection[Any, Any, Any, Any]

_SUBJECT = "subject"


def needs(action: Action, *also: str) -> dict[str, object]:
    """The `opt` of a route: what it does. A route without is closed to everybody.

    `also` are media types that it succeeds with besides the one of its description.
    """
    return {"action": action, "also": also}


def subject_of(connection: AnyConnection) -> Subject:
    """Who asks. Raises: Unauthorized on a route that needs no key, when none was sent."""
    subject = connection.scope["state"].get(_SUBJECT)
    if not isinstance(subject, Subject):
        raise Unauthorized("Send a key, as `X-API-Key: KEY` or as `Authorization: Bearer KEY`.")
    return subject


class Admission:
    """A Litestar guard: called for every route, before the body is read."""

    def __init__(self, limiter: Limiter) -> None:
        self._limiter = limiter

    async def __call__(self, connection: AnyConnection, handler: BaseRouteHandler) -> None:
        """Note who asks in the request's state. Raises: RateLimited, Unauthorized, Forbidden."""
        if connection.scope.get("method") == "OPTIONS":  # made by Litestar: says what methods there are
            return
        action = Action(handler.opt.get("action", Action.AUDIT))
        connection.scope["state"][_SUBJECT] = ANONYMOUS
        self._limiter.check(connection.scope, ANONYMOUS, action)
        check(ANONYMOUS, action)
