"""By which name a request came, and from which page: what keeps other web pages out of a server on this machine.

A page can make a browser send requests here, also under a name of its own that it points at 127.0.0.1 (DNS
rebinding). Both are known by the headers `Host` and `Origin`, which no page can set.
"""

import ipaddress
import re
import socket
from collections.abc import Sequence
from functools import lru_cache

from litestar.types import Scope

from chatkeep.errors import Forbidden

_SAFE = {"GET", "HEAD", "OPTIONS"}  # RFC 9110, section 9.2.1: they change nothing, and no other page sees the answer
_LONGEST_HOST = 255 + 6  # RFC 1035, section 2.3.4, and a port
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[^:\[\]]*)(?::[0-9]{1,5})?\Z")


class Origins:
    """Which hosts and pages are taken. `hosts` and `pages` are those of the settings, `bound` is where we listen.

    IP addresses and `localhost` are always ours: no page has a name like them.
    """

    def __init__(self, hosts: Sequence[str], pages: Sequence[str], bound: str) -> None:
        self._hosts = {host.lower() for host in hosts}
        self._suffixes = tuple(host[1:] for host in self._hosts if host.startswith("*."))
        self._own = {"localhost", bound.lower(), socket.gethostname().lower()}
        self._pages = {page.lower().rstrip("/") for page in pages}
        self._is_ours = lru_cache(256)(self._look_up)

    def check(self, scope: Scope) -> None:
        """Return when the request came by a name of ours, and from no page but ours and those listed.

        Raises: Forbidden.
        """
        host = origin = site = None
        for name, value in scope["headers"]:
            if name == b"host":
                host = value.decode("latin-1").lower()
            elif name == b"origin":
                origin = value.decode("latin-1").lower()
            elif name == b"sec-fetch-site":
                site = value
        if host is not None and (len(host) > _LONGEST_HOST or not self._is_ours(host)):
            raise Forbidden(
                f"This server is not known by the name {host[:_LONGEST_HOST]!r}."
                " If it should be, add it to CHATKEEP_ALLOWED_HOSTS."
            )
        if scope.get("method") in _SAFE:  # a WebSocket has no method
            return
        if origin is None:
            if site == b"cross-site":
                raise Forbidden("Other pages may not use this server without saying who they are.")
            return
        is_same = site == b"same-origin" or origin.partition("://")[2] == host
        if not is_same and origin not in self._pages:
            raise Forbidden(
                f"Pages of {origin!r} may not use this server. If they should, add it to CHATKEEP_CORS_ORIGINS."
            )

    def _look_up(self, host: str) -> bool:
        match = _HOST.match(host)
        if match is None:
            return False
        name = match[1].strip("[]").rstrip(".")
        if "*" in self._hosts or name in self._hosts or name in self._own or name.endswith(self._suffixes or ("\0",)):
            return True
        # Why names without a dot: no page on the internet can have one.
        return _is_address(name) or name.endswith(".localhost") or (not self._hosts and "." not in name)


def known_address(scope: Scope) -> str | None:
    """The client's IP address, None for none. A proxy may send any text in its place."""
    client = scope.get("client")
    return client[0] if client and _is_address(client[0]) else None


def is_loopback(address: str) -> bool:
    """Whether only this machine reaches `address`, an IP address or `localhost`."""
    if address == "localhost":
        return True
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@lru_cache(1024)
def _is_address(name: str) -> bool:
    if len(name) > _LONGEST_HOST:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
