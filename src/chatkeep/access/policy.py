"""The one decision: whether a subject may do something to an owner's things."""

from enum import StrEnum

from chatkeep.access.subject import Role, Subject
from chatkeep.errors import Forbidden, Unauthorized


class Action(StrEnum):
    """What a route does. Every route names one; a route that names none is closed.

    `open`: says nothing of anybody, and needs no key. `login`: takes a key. `scrape`: figures without names of
    chats. `read`: shows the owner's things. `change`: changes them. `talk`: asks a model. `audit`: shows
    everybody's things, or what everybody did.
    """

    OPEN = "open"
    LOGIN = "login"
    SCRAPE = "scrape"
    READ = "read"
    CHANGE = "change"
    TALK = "talk"
    AUDIT = "audit"


NEEDS_NO_KEY = {Action.OPEN, Action.LOGIN}
_ALLOWED = {
    Role.READER: {Action.SCRAPE, Action.READ},
    Role.USER: {Action.SCRAPE, Action.READ, Action.CHANGE, Action.TALK},
    Role.ADMIN: {Action.SCRAPE, Action.READ, Action.CHANGE, Action.TALK, Action.AUDIT},
}


def check(subject: Subject | None, action: Action, owner: str | None = None) -> None:
    """Return when `subject` may do `action` to the things of `owner`, None for its own.

    Raises: Unauthorized, Forbidden.
    """
    if action in NEEDS_NO_KEY:
        return
    if subject is None:
        raise Unauthorized("Send a key, as `X-API-Key: KEY` or as `Authorization: Bearer KEY`.")
    if action not in _ALLOWED[subject.role]:
        raise Forbidden(f"The role {subject.role} of the key {subject.name} does not allow this.")
    if owner is not None and owner != subject.owner and action is not Action.AUDIT:
        raise Forbidden("That belongs to somebody else.")
