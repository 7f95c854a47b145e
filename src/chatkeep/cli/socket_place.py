"""Where the server's own socket is: a path that a socket can be bound and connected to, and whether one answers."""

import os
import socket
import sys
from enum import Enum
from pathlib import Path
from typing import Self

from chatkeep.errors import StorageFailed
from chatkeep.storage.atomic import storage_errors

# Limit: a socket's path has 108 bytes on Linux and 104 on macOS with the NUL at its end: unix(7), unix(4).
_MOST_PATH_BYTES = 107 if sys.platform == "linux" else 103
_CONNECT_S = 5.0


class Found(Enum):
    """What connecting shows. `GONE`: there is no socket; `DEAF`: nobody listens; `DENIED`: it is somebody else's."""

    OPEN = "open"
    GONE = "gone"
    DEAF = "deaf"
    DENIED = "denied"


class SocketPlace:
    """`address` is how the socket at `path` is bound and connected to, until this is closed. Its folder must be there.

    Workaround: a folder whose path is too long for a socket is opened, and the socket named through /proc, which only
    Linux has. Raises: StorageFailed elsewhere, or when the folder cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._folder: int | None = None
        self.address = str(path)
        if len(os.fsencode(path)) <= _MOST_PATH_BYTES:
            return
        if sys.platform != "linux":
            raise StorageFailed(f"The path {path} is too long for a socket: at most {_MOST_PATH_BYTES} bytes.")
        with storage_errors(f"The folder {path.parent} cannot be used"):
            self._folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        self.address = f"/proc/self/fd/{self._folder}/{path.name}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Let the folder go."""
        if self._folder is not None:
            os.close(self._folder)
            self._folder = None

    def look(self) -> Found:
        """Whether a server answers there. Raises: StorageFailed."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as trying:
            trying.settimeout(_CONNECT_S)
            try:
                with storage_errors(f"The socket {self.address} cannot be used"):
                    trying.connect(self.address)
            except StorageFailed as exc:
                match exc.__cause__:
                    case FileNotFoundError() | NotADirectoryError():
                        return Found.GONE
                    case ConnectionRefusedError():
                        return Found.DEAF
                    case PermissionError():
                        return Found.DENIED
                raise
        return Found.OPEN
