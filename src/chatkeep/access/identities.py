"""Who is who: keys, sessions and tokens behind one door."""

import hashlib
import time
from collections.abc import Awaitable, Callable

import msgspec

from chatkeep.access.keys import LONGEST, KeyRing, new_session
from chatkeep.access.sessions import Sessions
from chatkeep.access.subject import ANONYMOUS, Subject
from chatkeep.access.tokens import Tokens
from chatkeep.errors import Unauthorized


class Identities:
    """Tells who a credential is. `ring` may be replaced while it works; `save` keeps `sessions`."""

    def __init__(
        self, ring: KeyRing, sessions: Sessions, tokens: Tokens | None, save: Callable[[Sessions], Awaitable[None]]
    ) -> None:
        self.ring = ring
        self.sessions = sessions
        self._tokens = tokens
        self._save = save

    @property
    def is_needed(self) -> bool:
        """Whether anybody has to show a credential."""
        return self.ring.is_needed or self._tokens is not None

    def find(self, credential: str) -> Subject:
        """Who shows `credential`, a key or a token. Raises: Unauthorized."""
        if len(credential) <= LONGEST:
            found = self.ring.find(credential)
            if found is not None:
                return found
            if self._tokens is not None and credential.count(".") == 2:  # noqa: PLR2004 - RFC 7515, section 3.1
                return self._tokens.find(credential)
        raise Unauthorized("The key is not valid.")

    def find_session(self, cookie: str) -> Subject | None:
        """Who has that cookie; None when its session is over."""
        session = self.sessions.find(_digest(cookie))
        holder = self.ring.holder(session.credential) if session else None
        return msgspec.structs.replace(holder, session=_digest(cookie)) if holder else None

    def holds(self, subject: Subject) -> bool:
        """Whether what `subject` showed is still valid."""
        if subject.expires_at is not None:
            return self._tokens is not None and time.time() < subject.expires_at
        if not subject.credential:
            return subject is ANONYMOUS and not self.is_needed
        is_over = subject.session and self.sessions.find(subject.session) is None
        return not is_over and self.ring.holder(subject.credential) is not None

    async def log_in(self, credential: str) -> tuple[Subject, str]:
        """Who shows `credential`, and the cookie of a new session. Raises: Unauthorized, StorageFailed."""
        found = self.find(credential)
        if found.expires_at is not None:
            raise Unauthorized("A session begins with an API key, not with a token.")
        cookie = new_session()
        session = self.sessions.begin(_digest(cookie), found.credential)
        await self._save(self.sessions)
        return msgspec.structs.replace(found, session=session.digest), cookie

    async def log_out(self, subject: Subject) -> None:
        """End the session of `subject`, when it has one. Raises: StorageFailed."""
        if subject.session and self.sessions.end(subject.session):
            await self._save(self.sessions)


def _digest(cookie: str) -> str:
    """Of 256 random bits, so no secret is needed."""
    return hashlib.sha256(cookie.encode()).hexdigest()
