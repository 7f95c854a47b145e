"""JSON Web Tokens (RFC 7519) of somebody else's login service. Needs the extra `jwt`."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import structlog

from chatkeep.access.subject import Role, Subject
from chatkeep.chat.model import digest
from chatkeep.errors import ChatkeepError, Unauthorized

_logger = structlog.get_logger("chatkeep.access")

_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}\Z")
_LEEWAY_S = 30  # by which the clocks of two machines may differ


class Tokens:
    """Checks tokens signed with one algorithm by a key of a JWKS (RFC 7517), for one issuer and audience.

    `read` gives the JWKS when it is another than last time, else None. `role_claim` names the claim that holds a
    role; None makes everybody a user. Raises: ChatkeepError when it is no JWKS or the extra is not installed.
    """

    def __init__(
        self, read: Callable[[], bytes | None], *, issuer: str, audience: str, algorithm: str, role_claim: str | None
    ) -> None:
        try:
            from joserfc import errors, jwt  # noqa: PLC0415 - an optional extra
            from joserfc.jwk import KeySet  # noqa: PLC0415
        except ImportError as exc:
            raise ChatkeepError("JSON Web Tokens need another package: pip install 'chatkeep[jwt]'.") from exc
        self._jwt, self._wrong = jwt, (errors.JoseError, ValueError, TypeError, KeyError, OverflowError)
        self._import: Callable[[Any], Any] = KeySet.import_key_set
        self._read = read
        self._algorithm = algorithm
        self._role_claim = role_claim
        self._claims = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_S,
            exp={"essential": True},
            sub={"essential": True},
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
        )
        self._keys = self._imported(read() or b"")

    def refresh(self) -> None:
        """Use the JWKS as it is now: its owner may have changed the keys. One that is broken changes nothing."""
        try:
            jwks = self._read()
            if jwks is not None:
                self._keys = self._imported(jwks)
        except ChatkeepError as exc:
            _logger.error("jwks_unreadable", detail=exc.detail)

    def find(self, token: str) -> Subject:
        """Who `token` says it is. Raises: Unauthorized."""
        try:
            decoded = self._jwt.decode(token, self._keys, algorithms=[self._algorithm])
            self._claims.validate(decoded.claims)
            subject, expires_at = str(decoded.claims["sub"]), float(decoded.claims["exp"])
            name = owner_of(subject)  # a text that is no Unicode is no name
        except self._wrong as exc:
            # Why not its words: they may hold parts of the token.
            raise Unauthorized(f"The token is not valid ({type(exc).__name__}).") from None
        # Why not of the token: who asks for a new one every minute would have a new rate limit each time.
        return Subject(
            name, name, self._role(decoded.claims), digest(f"jwt {subject}"), expires_at=expires_at + _LEEWAY_S
        )

    def _role(self, claims: dict[str, Any]) -> Role:
        if self._role_claim is None:
            return Role.USER
        try:
            return Role(str(claims.get(self._role_claim)))
        except ValueError:
            raise Unauthorized(f"The token's claim {self._role_claim} holds no role.") from None

    def _imported(self, jwks: bytes) -> Any:
        try:
            return self._import(msgspec.json.decode(jwks, type=dict[str, Any]))
        except (msgspec.MsgspecError, *self._wrong) as exc:
            raise ChatkeepError(f"CHATKEEP_JWT_JWKS_FILE holds no JWKS: {exc}.") from exc


def owner_of(subject: str) -> str:
    """The owner's name of a token's `sub`: told apart from the names of keys, and fit to be a folder's."""
    if _PLAIN.match(subject):
        return f"jwt-{subject}"
    # Why the underscore: a plain name cannot begin with it, so nobody can take a name that is another's digest.
    return f"jwt-_{digest(subject)[:40]}"
