"""Who a request comes from."""

from enum import StrEnum

import msgspec


class Role(StrEnum):
    """What a key may do: read its owner's things; change them too; and look at everybody's, by routes of their own."""

    READER = "reader"
    USER = "user"
    ADMIN = "admin"


class Rate(msgspec.Struct, frozen=True):
    """At most `requests` of each kind in any `window_s` seconds."""

    requests: int
    window_s: float


class Subject(msgspec.Struct, frozen=True):
    """Who asks. `name` is the key's or the token's, `owner` names whose chats and runs it is about.

    `credential` is a digest of what was shown, empty when nothing was, and `session` one of the cookie when that
    was it; `rate` is the key's own, None for the settings'; `expires_at` is in seconds since 1970, None for never.
    `is_local` says that it came by the server's own socket, `is_audited` that the audit log names it.
    """

    name: str
    owner: str
    role: Role
    credential: str = ""
    rate: Rate | None = None
    expires_at: float | None = None
    session: str = ""
    is_local: bool = False
    is_audited: bool = True


ANONYMOUS = Subject("anonymous", "", Role.USER, is_audited=False)
"""Everybody, while the server has no keys: no admin, so that a lost file of keys opens nobody's chats but these."""

LOCAL_NAME = "local"
"""Who comes by the server's own socket."""

OWNER_HEADER = "X-Chatkeep-Owner"
"""Whose chats a request by that socket is about, left out those of the folder itself. Elsewhere it means nothing."""


def local_subject(owner: str, *, is_audited: bool) -> Subject:
    """Who comes by the server's own socket, for `owner`: whoever may open it may change the files themselves."""
    return Subject(LOCAL_NAME, owner, Role.ADMIN, is_local=True, is_audited=is_audited)
