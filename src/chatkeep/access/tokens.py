"""JSON Web Tokens (RFC 7519) of somebody else's login service. Needs the extra `jwt`."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatkeep.access.subject import Role, Subject
from chatkeep.errors import ChatkeepError, Unauthorized

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}\Z")
_LEEWAY_S = 30  # by which the clocks of two machines may differ


class Tokens:
    """Checks tokens signed with one algorithm by a key in a JWKS file (RFC 7517), for one issuer and audience.

    `role_claim` names the claim that holds a role; None makes everybody a user.
    Raises: ChatkeepError when the file is no JWKS or the extra is not installed.
    """

    def __init__(self, jwks_file: Path, *, issuer: str, audience: str, algorithm: str, role_claim: str | None) -> None:
        try:
            from joserfc import errors, jwt  # noqa: PLC0415 - an optional extra
            from joserfc.jwk import KeySet  # noqa: PLC0415
        except ImportError as exc:
            raise ChatkeepError("JSON Web Tokens need another package: pip install 'chatkeep[jwt]'.") from exc
        self._jwt, self._wrong = jwt, (errors.JoseError, ValueError, TypeError, KeyError)
        self._read: Callable[[Any], Any] = KeySet.import_key_set
        self._file = jwks_file
        self._algorithm = algorithm
        self._role_claim = role_claim
        self._claims = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            exp={"essential": True},
            sub={"essential": True},
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
        )
        self._keys = self._load()

    def reload(self) -> None:
        """Read the file again: its owner may have changed the keys. Raises: ChatkeepError; then the old keys hold."""
        self._keys = self._load()

    def find(self, token: str) -> Subject:
        """Who `token` says it is. Raises: Unauthorized."""
        try:
            decoded = self._jwt.decode(token, self._keys, algorithms=[self._algorithm])
            self._claims.validate(decoded.claims)
            subject, expires_at = str(decoded.claims["sub"]), float(decoded.claims["exp"])
        except self._wrong as exc:
            # Why not its words: they may hold parts of the token.
            raise Unauthorized(f"The token is not valid ({type(exc).__name__}).") from None
        name = owner_of(subject)
        # Why not of the token: who asks for a new one every minute would have a new rate limit each time.
        digest = hashlib.sha256(f"jwt {subject}".encode()).hexdigest()
        return Subject(name, name, self._role(decoded.claims), digest, expires_at=expires_at + _LEEWAY_S)

    def _role(self, claims: dict[str, Any]) -> Role:
        if self._role_claim is None:
            return Role.USER
        try:
            return Role(str(claims.get(self._role_claim)))
        except ValueError:
            raise Unauthorized(f"The token's claim {self._role_claim} holds no role.") from None

    def _load(self) -> Any:
        import json  # noqa: PLC0415 - joserfc takes what this gives

        try:
            return self._read(json.loads(self._file.read_bytes()))
        except (OSError, *self._wrong) as exc:
            raise ChatkeepError(f"The file {self._file} holds no JWKS: {exc}.") from exc


def owner_of(subject: str) -> str:
    """The owner's name of a token's `sub`: told apart from the names of keys, and fit to be a folder's."""
    if _PLAIN.match(subject):
        return f"jwt-{subject}"
    return f"jwt-{hashlib.sha256(subject.encode()).hexdigest()[:40]}"
