"""Before a view is called: who asks, how often, and whether they may. Every route goes through here."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import structlog
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.types import Scope

from chatkeep.access.audit import ACTING, Acting
from chatkeep.access.identities import Identities
from chatkeep.access.policy import NEEDS_NO_KEY, Action, check
from chatkeep.access.subject import ANONYMOUS, Subject, local_subject
from chatkeep.api.credentials import credentials_of
from chatkeep.api.limiter import Limiter
from chatkeep.api.local import is_local, local_owner
from chatkeep.api.origins import Origins, is_loopback, known_address
from chatkeep.errors import Forbidden, Unauthorized

AnyConnection = ASGIConnection[Any, Any, Any, Any]


def needs(action: Action, *also: str) -> dict[str, object]:
    """The `opt` of a route: what it does. A route without is closed to everybody.

    `also` are media types that it succeeds with besides the one of its description.
    """
    return {"action": action, "also": also}


def subject_of(connection: AnyConnection) -> Subject:
    """Who asks. Raises: Unauthorized on a route that needs no key, when none was sent."""
    subject = connection.scope["state"].get("subject")
    if not isinstance(subject, Subject):
        raise Unauthorized("This needs a key.")
    return subject


class Admission:
    """A Litestar guard: called for every route, before the body is read.

    `refresh` takes over what became of the keys since the last request; `allows_anonymous` says that a server without
    keys may answer other machines.
    """

    def __init__(
        self,
        identities: Identities,
        origins: Origins,
        limiter: Limiter,
        *,
        refresh: Callable[[], None],
        allows_anonymous: bool,
    ) -> None:
        self._identities = identities
        self._origins = origins
        self._limiter = limiter
        self._refresh = refresh
        self._allows_anonymous = allows_anonymous

    async def __call__(self, connection: AnyConnection, handler: BaseRouteHandler) -> None:
        """Note who asks, and what for, in the request's state.

        Raises: RateLimited, Unauthorized, Forbidden; InvalidRequest of a local request for an owner that cannot be.
        """
        scope: Scope = connection.scope
        if scope.get("method") == "OPTIONS":  # made by Litestar: says what methods there are
            return
        action = handler.opt.get("action")
        if action is None:
            raise Forbidden("This route is closed.")
        state = scope["state"]
        state["action"] = action
        self._origins.check(scope)
        self._refresh()
        subject = state["subject"] = self._identify(scope, action)
        if subject is not None and subject.is_audited:
            structlog.contextvars.bind_contextvars(key=subject.name)
            ACTING.set(Acting(subject.name, state["request_id"], known_address(scope)))
        self._limiter.check(scope, subject, action)
        check(subject, action)

    def _identify(self, scope: Scope, action: Action) -> Subject | None:
        """Who asks; None for nobody known, where no key is needed. Raises: as the call."""
        if is_local(scope):
            return local_subject(local_owner(scope), is_audited=self._identities.is_needed)
        if not self._identities.is_needed:
            if action not in NEEDS_NO_KEY:
                self._check_reach(scope)
            return ANONYMOUS
        if action is Action.OPEN:
            return None
        try:
            return self._known(scope)
        except Unauthorized:
            if action is Action.LOGIN:
                return None
            self._limiter.note_failure(scope)
            raise

    def _known(self, scope: Scope) -> Subject | None:
        """The one subject that all credentials of the request are of. Raises: Unauthorized."""
        shown = credentials_of(scope)
        by_cookie = self._identities.find_session(shown.cookie) if shown.cookie is not None else None
        if shown.key is None:
            return by_cookie
        by_key = self._identities.find(shown.key)
        if by_cookie is not None and by_cookie.credential != by_key.credential:
            raise Unauthorized("The request shows a key and the session of another key; send one.")
        return by_key

    def _check_reach(self, scope: Scope) -> None:
        """A server without keys is this machine's alone, whoever started it and how."""
        if self._allows_anonymous or (_is_here(scope.get("server")) and _is_here(scope.get("client"))):
            return
        raise Forbidden(
            "This server has no keys, so it answers only the machine it runs on. Set CHATKEEP_API_KEY or add keys with"
            " `chatkeep keys add`; or let everybody in with CHATKEEP_ALLOW_ANONYMOUS=true."
        )


@lru_cache(1024)
def _is_here(place: tuple[str, int | None] | None) -> bool:
    """Whether an end of the connection is on this machine: a loopback address, or a socket of its file system."""
    return place is None or place[1] is None or is_loopback(place[0])
