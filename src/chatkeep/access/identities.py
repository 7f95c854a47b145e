"""Who is who: keys, sessions and tokens behind one door."""

import asyncio
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
        self._changing = asyncio.Lock()

    @property
    def is_needed(self) -> bool:
        """Whether anybody has to show a credential."""
        return self.ring.is_needed or self._tokens is not None

    def refresh(self) -> None:
        """Take over what became of the keys that tokens are signed with."""
        if self._tokens is not None:
            self._tokens.refresh()

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
        if subject.is_local:
            return True
        if not subject.credential:
            return subject is ANONYMOUS and not self.is_needed
        is_over = subject.session and self.sessions.find(subject.session) is None
        return not is_over and self.ring.holder(subject.credential) is not None

    async def log_in(self, subject: Subject, ended: str | None) -> tuple[Subject, str]:
        """Begin a session of `subject`, whose cookie is the second; that of the cookie `ended` is over.

        Raises: Unauthorized, StorageFailed; then the sessions are as they were.
        """
        if subject.expires_at is not None:
            raise Unauthorized("A session begins with an API key, not with a token.")
        cookie = new_session()
        async with self._changing:
            left = self.sessions.without(_digest(ended)) if ended else self.sessions
            await self._keep(left.with_session(_digest(cookie), subject.credential))
        return msgspec.structs.replace(subject, session=_digest(cookie)), cookie

    async def log_out(self, cookie: str) -> None:
        """End the session of that cookie, when there is one. Raises: StorageFailed; then it goes on."""
        async with self._changing:
            if self.sessions.find(_digest(cookie)) is not None:
                await self._keep(self.sessions.without(_digest(cookie)))

    async def _keep(self, changed: Sessions) -> None:
        await self._save(changed)
        self.sessions = changed


def _digest(cookie: str) -> str:
    """Of 256 random bits, so no secret is needed."""
    return hashlib.sha256(cookie.encode()).hexdigest()
