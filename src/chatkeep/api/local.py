"""Requests by the server's own socket in the data folder: who may open that owns the files, and needs no key."""

from litestar.types import Scope

from chatkeep.access.keys import check_owner
from chatkeep.access.subject import OWNER_HEADER
from chatkeep.errors import InvalidRequest

LOCAL = "chatkeep.local"
"""Key in a request's state, which no client can set: it came by the server's own socket.

Why not the lack of a client's address: a server of the operator's may listen on a socket of its own behind a proxy.
"""

MOST_BYTES = 1024**3
"""Of the body of a local request: an archive that is imported."""

_OWNER = OWNER_HEADER.lower().encode()


def is_local(scope: Scope) -> bool:
    """Whether the request came by the server's own socket."""
    return LOCAL in scope["state"]


def local_owner(scope: Scope) -> str:
    """Whose chats a local request is about, empty for those of the folder itself. Raises: InvalidRequest."""
    named = [value for name, value in scope["headers"] if name == _OWNER]
    if len(named) > 1:
        raise InvalidRequest(f"There is more than one header {OWNER_HEADER}.")
    return check_owner(named[0].decode("latin-1")) if named else ""
