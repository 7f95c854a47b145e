"""Sessions: what a browser's cookie stands for. They end with their key, with their time, or at a logout."""

import time
from collections.abc import Sequence

import msgspec

LIFETIME_S = 30 * 24 * 3600
_MOST_OF_A_KEY = 100  # then the oldest goes: a page that logs in again and again must not fill the file


class Session(msgspec.Struct, frozen=True):
    """One session. `digest` is of what the cookie holds, `credential` of the key it began with; seconds since 1970."""

    digest: str
    credential: str
    expires_at: float


class Sessions:
    """The sessions there are, by digest."""

    def __init__(self, kept: Sequence[Session] = ()) -> None:
        self._kept = {session.digest: session for session in kept}

    def begin(self, digest: str, credential: str) -> Session:
        """A session for the key `credential`; of too many of one key the oldest ends."""
        self._forget_expired()
        of_key = [session for session in self._kept.values() if session.credential == credential]
        for oldest in sorted(of_key, key=lambda each: each.expires_at)[: max(0, len(of_key) + 1 - _MOST_OF_A_KEY)]:
            del self._kept[oldest.digest]
        session = Session(digest, credential, time.time() + LIFETIME_S)
        self._kept[digest] = session
        return session

    def end(self, digest: str) -> bool:
        """End it; whether there was one."""
        return self._kept.pop(digest, None) is not None

    def find(self, digest: str) -> Session | None:
        """The session, None when there is none or its time is over."""
        session = self._kept.get(digest)
        return session if session is not None and session.expires_at > time.time() else None

    def all(self) -> list[Session]:
        """Those whose time is not over, to be kept."""
        self._forget_expired()
        return list(self._kept.values())

    def _forget_expired(self) -> None:
        moment = time.time()
        self._kept = {digest: each for digest, each in self._kept.items() if each.expires_at > moment}
