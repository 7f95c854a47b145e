"""Who may what."""

import pytest

from chatkeep.access.policy import Action, check
from chatkeep.access.subject import Role, Subject
from chatkeep.errors import Forbidden, Unauthorized

READER, USER, ADMIN = (Subject(role, role, role, "digest") for role in Role)


@pytest.mark.parametrize(
    ("subject", "allowed"),
    [
        (None, {Action.OPEN, Action.LOGIN}),
        (READER, {Action.OPEN, Action.LOGIN, Action.SCRAPE, Action.READ}),
        (USER, {Action.OPEN, Action.LOGIN, Action.SCRAPE, Action.READ, Action.CHANGE, Action.TALK}),
        (ADMIN, set(Action)),
    ],
)
def test_a_role_allows_these_actions_and_no_others(subject: Subject | None, allowed: set[Action]) -> None:
    for action in Action:
        if action in allowed:
            check(subject, action)
        else:
            with pytest.raises((Unauthorized, Forbidden)):
                check(subject, action)


def test_not_even_an_admin_acts_on_anothers_things_but_by_the_audit_views() -> None:
    for action in (Action.READ, Action.CHANGE, Action.TALK):
        with pytest.raises(Forbidden):
            check(ADMIN, action, owner="alice")
    check(ADMIN, Action.AUDIT, owner="alice")
