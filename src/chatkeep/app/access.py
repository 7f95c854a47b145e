"""The part of a server that says who gets in: keys, sessions, tokens and the audit log of one folder."""

from chatkeep.access.audit import AuditedRuns, AuditEntry
from chatkeep.access.identities import Identities
from chatkeep.access.key_watch import KeyWatch
from chatkeep.access.keys import ApiKey, KeyRing, KeySet, new_key
from chatkeep.access.sessions import Sessions
from chatkeep.access.subject import Role
from chatkeep.access.tokens import Tokens
from chatkeep.api.open_connections import OpenConnections
from chatkeep.api.origins import is_loopback
from chatkeep.chat.model import now
from chatkeep.errors import ChatkeepError
from chatkeep.settings import Settings, WrongSettings
from chatkeep.storage.audit import AuditLog
from chatkeep.storage.changing_file import ChangingFile
from chatkeep.storage.keys import KeyFile
from chatkeep.storage.sessions import SessionFile

_FIRST_KEY = "first"


class Access:
    """Keys, sessions, tokens and the audit log of one server. Raises: ChatkeepError."""

    def __init__(self, settings: Settings, connections: OpenConnections) -> None:
        self._allows_anonymous = settings.allow_anonymous
        self._given = settings.api_key.get_secret_value() if settings.api_key else None
        self.keys = KeyFile(settings.chats_dir)
        self._sessions = SessionFile(settings.chats_dir)
        self.trail = AuditLog(settings.chats_dir)
        self.identities = Identities(
            KeyRing(KeySet.new(), self._given), Sessions(), _tokens(settings), self._sessions.save
        )
        self.audited_runs = AuditedRuns(self.trail)
        self.watch = KeyWatch(self.keys, self.identities, self._given, connections.close_where)

    def read(self) -> None:
        """Read keys and sessions. Raises: StorageFailed."""
        kept = self.keys.read_or_make() if self._given else self.keys.read()
        self.identities.ring = KeyRing(kept or KeySet.new(), self._given)
        self.identities.sessions = self._sessions.read()

    def make_first_key(self) -> str | None:
        """The first key of this folder: an admin's, for the chats of the folder itself. None when none is needed."""
        self.read()
        if self._allows_anonymous or self.identities.is_needed:
            return None
        secret, moment = new_key(), now()
        self.keys.change(lambda keys: keys.with_key(ApiKey(_FIRST_KEY, "", Role.ADMIN, keys.digest(secret), moment)))
        self.trail.append(AuditEntry(moment, "chatkeep serve", "keys add", key=_FIRST_KEY))
        return secret

    def check_reach(self, host: str) -> None:
        """Return when it is safe to listen on `host`. Raises: ChatkeepError, which says the two ways on."""
        self.read()
        if self._allows_anonymous or self.identities.is_needed or is_loopback(host):
            return
        raise ChatkeepError(
            f"Other machines reach the address {host}, and there is no key. Either make one (`chatkeep keys add NAME`,"
            " or set CHATKEEP_API_KEY), or let everybody in with CHATKEEP_ALLOW_ANONYMOUS=true."
        )

    def start(self) -> None:
        """Read keys and sessions, and look for changes from now on. Raises: StorageFailed."""
        self.read()
        self.watch.start()

    async def aclose(self) -> None:
        """Look for changes no more."""
        await self.watch.aclose()


def _tokens(settings: Settings) -> Tokens | None:
    if settings.jwt_jwks_file is None:
        return None
    if settings.jwt_issuer is None or settings.jwt_audience is None:
        raise WrongSettings("CHATKEEP_JWT_JWKS_FILE: it needs CHATKEEP_JWT_ISSUER and CHATKEEP_JWT_AUDIENCE beside it")
    return Tokens(
        ChangingFile(settings.jwt_jwks_file),
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        algorithm=settings.jwt_algorithm,
        role_claim=settings.jwt_role_claim,
    )
