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
    """

    name: str
    owner: str
    role: Role
    credential: str = ""
    rate: Rate | None = None
    expires_at: float | None = None
    session: str = ""


ANONYMOUS = Subject("anonymous", "", Role.USER)
"""Everybody, while the server has no keys: no admin, so that a lost file of keys opens nobody's chats but these."""
