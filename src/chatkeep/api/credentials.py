"""What a request shows of who it is. The one place that reads it; who that is: access/identities.py."""

import msgspec
from litestar.types import Scope

from chatkeep.errors import Unauthorized

COOKIE = "chatkeep_session"
_COOKIE = COOKIE.encode()


class Shown(msgspec.Struct, frozen=True):
    """`key` is an API key or a token, `cookie` a session's; None where nothing was shown."""

    key: str | None = None
    cookie: str | None = None


def credentials_of(scope: Scope) -> Shown:
    """What `X-API-Key`, `Authorization` and the session's cookie hold. Raises: Unauthorized when two keys differ."""
    key: bytes | None = None
    cookie: bytes | None = None
    for name, value in scope["headers"]:
        if name == b"cookie":
            cookie = cookie or _session_in(value)
            continue
        found = _key_in(name, value)
        if found is None:
            continue
        if key is not None and found != key:
            raise Unauthorized("The request shows two keys that differ; send one.")
        key = found
    return Shown(_text(key), _text(cookie))


def _key_in(name: bytes, value: bytes) -> bytes | None:
    if name == b"x-api-key":
        return value.strip()
    if name == b"authorization":
        scheme, _, rest = value.partition(b" ")
        # Why other schemes are passed over: a proxy in front may have asked for a password of its own.
        return rest.strip() if scheme.lower() == b"bearer" else None
    return None


def _session_in(value: bytes) -> bytes | None:
    for part in value.split(b";"):
        name, _, content = part.strip().partition(b"=")
        if name == _COOKIE and content:
            return content
    return None


def _text(value: bytes | None) -> str | None:
    """Header values are bytes; Latin-1 keeps every one of them (RFC 9110, section 5.5)."""
    return value.decode("latin-1") if value is not None else None
