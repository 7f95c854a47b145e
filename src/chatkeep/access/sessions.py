"""Sessions: what a browser's cookie stands for. They end with their key, with their time, or at a logout."""

import time
from collections.abc import Iterable

import msgspec

LIFETIME_S = 30 * 24 * 3600
_MOST_OF_A_KEY = 100  # then the oldest goes: a page that logs in again and again must not fill the file


class Session(msgspec.Struct, frozen=True):
    """One session. `digest` is of what the cookie holds, `credential` of the key it began with; seconds since 1970."""

    digest: str
    credential: str
    expires_at: float


class Sessions:
    """The sessions there are. A change makes others, so that one that cannot be kept changes nothing."""

    def __init__(self, kept: Iterable[Session] = ()) -> None:
        self._kept = {session.digest: session for session in kept}

    def with_session(self, digest: str, credential: str) -> "Sessions":
        """These and one more, for the key `credential`; of too many of one key the oldest is over."""
        of_key = sorted(
            (each for each in self.all() if each.credential == credential), key=lambda each: each.expires_at
        )
        over = {each.digest for each in of_key[: max(0, len(of_key) + 1 - _MOST_OF_A_KEY)]}
        kept = [each for each in self.all() if each.digest not in over]
        return Sessions([*kept, Session(digest, credential, time.time() + LIFETIME_S)])

    def without(self, digest: str) -> "Sessions":
        """These but that one."""
        return Sessions(each for each in self.all() if each.digest != digest)

    def find(self, digest: str) -> Session | None:
        """The session, None when there is none or its time is over."""
        session = self._kept.get(digest)
        return session if session is not None and session.expires_at > time.time() else None

    def all(self) -> list[Session]:
        """Those whose time is not over."""
        moment = time.time()
        return [each for each in self._kept.values() if each.expires_at > moment]
