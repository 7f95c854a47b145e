"""Listens on the server's own socket in the data folder. What comes by it: api/local.py."""

import asyncio
import socket
from pathlib import Path

import uvicorn
from uvicorn.server import ServerState

from chatkeep.api.local import LOCAL
from chatkeep.cli.http_protocol import HttpProtocol
from chatkeep.cli.socket_place import SocketPlace
from chatkeep.storage.atomic import own_alike, storage_errors

_BACKLOG = 128
_ONLY_OWNER = 0o600


async def listen_locally(
    path: Path, config: uvicorn.Config, state: ServerState, app_state: dict[str, object]
) -> asyncio.Server:
    """Serve on the socket at `path`, where there is none: who owns the folder has removed an old one, and removes ours.

    Only who runs the server may connect. Raises: StorageFailed.
    """
    local = {**app_state, LOCAL: True}
    loop = asyncio.get_running_loop()

    def protocol() -> asyncio.Protocol:
        return HttpProtocol(config=config, server_state=state, app_state=local, _loop=loop)

    return await loop.create_unix_server(protocol, sock=_bound(path), backlog=_BACKLOG)


def _bound(path: Path) -> socket.socket:
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with SocketPlace(path) as place, storage_errors(f"The socket {path} cannot be made"):
            # Why not by the umask: it is the whole process's, and other threads make folders. Nobody connects before
            # there is a listener: connect(2), ECONNREFUSED.
            listening.bind(place.address)
            path.chmod(_ONLY_OWNER)
            own_alike(path, path.parent)
        listening.setblocking(False)
    except BaseException:
        listening.close()
        raise
    return listening
