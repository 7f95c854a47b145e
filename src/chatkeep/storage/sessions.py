"""The file of sessions, `.chatkeep/sessions.json`, so that a restart logs nobody out."""

import asyncio
from pathlib import Path

import msgspec
import structlog

from chatkeep.access.sessions import Session, Sessions
from chatkeep.storage.atomic import read_regular, replace_file, storage_errors
from chatkeep.storage.folder import Folder

_log = structlog.get_logger("chatkeep.access")


class SessionFile:
    """The sessions of one data folder."""

    def __init__(self, root: Path) -> None:
        self._folder = Folder(root)
        self._path = self._folder.sessions
        self._saving = asyncio.Lock()

    def read(self) -> Sessions:
        """The sessions kept. A file that cannot be read costs everybody a login, and no more."""
        try:
            return Sessions(msgspec.json.decode(read_regular(self._path)[0], type=list[Session]))
        except FileNotFoundError:
            return Sessions()
        except (OSError, ValueError) as exc:
            _log.warning("sessions_unreadable", error=str(exc))
            return Sessions()

    async def save(self, sessions: Sessions) -> None:
        """Keep them. After return they survive a power cut. Raises: StorageFull, StorageFailed."""
        async with self._saving:
            data = msgspec.json.encode(sessions.all())
            await asyncio.to_thread(self._replace, data)

    def _replace(self, data: bytes) -> None:
        with storage_errors("The session could not be saved"):
            replace_file(self._path, data + b"\n", self._folder.temporary)
