"""API keys: how they are made, kept as digests, and found again. The file they stand in: storage/keys.py."""

import hashlib
import hmac
import re
import secrets

import msgspec

from chatkeep.access.subject import LOCAL_NAME, Rate, Role, Subject
from chatkeep.errors import Conflict, InvalidRequest, NotFound

LONGEST = 4096  # characters of anything that is looked at as a credential
_SECRET_BYTES = 32  # of a key and of a session: 256 bits, so that a fast digest is enough
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}\Z")
_RATE = re.compile(r"([0-9]{1,7})/([0-9]{1,5})\Z")

DEFAULT_NAME = "default"
"""The name of the key in the settings."""


class ApiKey(msgspec.Struct, frozen=True, omit_defaults=True):
    """One key as it is kept. `digest` is of the key, hexadecimal; `rate` is None for the settings' own.

    Keys of the same `owner` share chats. A revoked one stays, so that what it did keeps its name.
    """

    name: str
    owner: str
    role: Role
    digest: str
    created_at: str
    rate: Rate | None = None
    revoked_at: str | None = None

    @property
    def subject(self) -> Subject:
        """Who uses this key."""
        return Subject(self.name, self.owner, self.role, self.digest, self.rate)


class KeySet(msgspec.Struct, frozen=True):
    """All keys of a server, and the secret that its digests are made with (hexadecimal)."""

    secret: str
    keys: list[ApiKey]

    @classmethod
    def new(cls) -> "KeySet":
        """No keys, and a secret of its own."""
        return cls(secrets.token_hex(_SECRET_BYTES), [])

    def digest(self, credential: str) -> str:
        """What is kept of `credential`. Keyed, so that the digests of two servers cannot be compared."""
        # Why not scrypt: a key has 256 random bits, which no dictionary holds. OWASP, Password Storage.
        return hmac.new(bytes.fromhex(self.secret), credential.encode(), hashlib.sha256).hexdigest()

    def active(self, name: str) -> ApiKey | None:
        """The key of that name that has not been revoked."""
        return next((key for key in self.keys if key.name == name and key.revoked_at is None), None)

    def with_key(self, key: ApiKey) -> "KeySet":
        """The same with one key more. Raises: Conflict when its name is in use."""
        if self.active(key.name):
            raise Conflict(f"There is a key {key.name} already; revoke it first, or take another name.")
        return KeySet(self.secret, [*self.keys, key])

    def without(self, name: str, moment: str) -> "KeySet":
        """The same with the key revoked at `moment`. Raises: NotFound when there is none of that name, Conflict."""
        key = self.active(name)
        if key is None:
            if any(each.name == name for each in self.keys):
                raise Conflict(f"The key {name} is revoked already.")
            raise NotFound(f"There is no key {name}.")
        revoked = msgspec.structs.replace(key, revoked_at=moment)
        return KeySet(self.secret, [revoked if each is key else each for each in self.keys])


class KeyRing:
    """Finds the key that a credential is. `given` is the one of the settings, None without."""

    def __init__(self, kept: KeySet, given: str | None = None) -> None:
        self.kept = kept
        self._by_digest = {key.digest: key for key in kept.keys if key.revoked_at is None}
        if given is not None:
            digest = kept.digest(given)
            self._by_digest[digest] = ApiKey(DEFAULT_NAME, "", Role.ADMIN, digest, "")
        # Why also revoked ones: revoking the last key must not open the server to everybody.
        self.is_needed = bool(self._by_digest or kept.keys)

    def find(self, credential: str) -> Subject | None:
        """Who uses `credential`."""
        digest = self.kept.digest(credential)
        found = self.holder(digest)
        # Why twice: the look-up is by a digest that no caller can choose, and what decides takes constant time.
        return found if found is not None and hmac.compare_digest(found.credential, digest) else None

    def holder(self, digest: str) -> Subject | None:
        """Who uses the key of that digest; None when it is not known or revoked."""
        key = self._by_digest.get(digest)
        return key.subject if key else None


def new_key() -> str:
    """A key: `ck_` and 256 random bits in base64url (RFC 4648, section 5)."""
    return f"ck_{secrets.token_urlsafe(_SECRET_BYTES)}"


def new_session() -> str:
    """What a session's cookie holds: 256 random bits in base64url."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def check_name(name: str) -> str:
    """Return `name` when a key may have it. Raises: InvalidRequest."""
    if not _NAME.match(name) or name.startswith("jwt-") or name in {DEFAULT_NAME, LOCAL_NAME, "anonymous"}:
        raise InvalidRequest(
            f"{name!r} cannot name a key: 1 to 64 of a-z 0-9 _ -, beginning with a letter or digit; not `default`,"
            " `local`, `anonymous` or `jwt-…`."
        )
    return name


def check_owner(owner: str) -> str:
    """Return `owner` when chats may be kept under it; empty is the folder itself. Raises: InvalidRequest."""
    if owner and not _NAME.match(owner):
        raise InvalidRequest(
            f"{owner!r} cannot own chats: 1 to 64 of a-z 0-9 _ -, or nothing.", errors=(("owner", "is not a name"),)
        )
    return owner


def checked(keys: KeySet) -> KeySet:
    """Return `keys` when a file may hold them: people mend such files by hand. Raises: ValueError, InvalidRequest."""
    if len(bytes.fromhex(keys.secret)) < _SECRET_BYTES:
        raise ValueError(f"its secret is shorter than {_SECRET_BYTES} bytes")
    for key in keys.keys:
        check_owner(key.owner)
        if not _NAME.match(key.name):
            raise ValueError(f"{key.name!r} cannot name a key")
    return keys


def parse_rate(text: str) -> Rate:
    """`120/60` as 120 requests in 60 seconds. Raises: InvalidRequest."""
    match = _RATE.match(text)
    if not match or not int(match[1]) or not int(match[2]):
        raise InvalidRequest(
            f"{text!r} is no rate: write requests/seconds, as in 120/60, at most 9,999,999 in 99,999 seconds."
        )
    return Rate(int(match[1]), float(match[2]))
