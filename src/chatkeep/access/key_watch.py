"""Takes over what `chatkeep keys` changes while the server runs: also the open connections of a revoked key end."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Protocol

import structlog

from chatkeep.access.identities import Identities
from chatkeep.access.keys import KeyRing, KeySet
from chatkeep.access.subject import Subject
from chatkeep.errors import ChatkeepError

_logger = structlog.get_logger("chatkeep.access")

_LOOK_S = 1.0  # a revoked key's streams end within 5 s


class KeySource(Protocol):
    """Where keys are kept."""

    def identity(self) -> object:
        """What tells one state of them from another."""
        ...

    def read(self) -> KeySet | None:
        """The keys, None when there are none kept. Raises: ChatkeepError."""
        ...


class KeyWatch:
    """Looks at `source` with every request, and every second for what stays open.

    `close` ends the connections of every subject it is true of.
    """

    def __init__(
        self,
        source: KeySource,
        identities: Identities,
        given: str | None,
        close: Callable[[Callable[[Subject], bool]], object],
    ) -> None:
        self._source = source
        self._identities = identities
        self._given = given
        self._close = close
        self._seen = source.identity()
        self._told = ""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._look_forever(), name="keys")

    async def aclose(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def refresh(self) -> None:
        """Use the keys as they are now. A file that is broken or gone opens nothing: the keys read last still hold.

        Why with every request: the next one after a revocation fails. It costs an lstat, 2 µs.
        """
        identity = self._source.identity()
        if identity == self._seen:
            self._told = ""
            return
        try:
            kept = self._source.read()
        except ChatkeepError as exc:
            self._tell("keys_unreadable", exc.detail)
            return
        if kept is None:
            self._tell("keys_gone", "The file of keys is gone; the keys read last still hold.")
            return
        # Race: what could not be read is read again, as its identity may stay the same when its owner is mended.
        self._seen = identity
        self._identities.ring = KeyRing(kept, self._given)
        _logger.info("keys_changed")

    def _tell(self, event: str, detail: str) -> None:
        """Log it once, not with every request."""
        if detail != self._told:
            self._told = detail
            _logger.error(event, detail=detail)

    async def _look_forever(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                self.refresh()
                self._identities.refresh()
                self._close(lambda subject: not self._identities.holds(subject))
            except Exception:
                _logger.exception("key_watch_crashed")
