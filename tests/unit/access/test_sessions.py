"""Sessions: how they begin and end."""

import time

from chatkeep.access.sessions import Session, Sessions


def test_a_session_ends_with_its_time_and_at_a_logout() -> None:
    sessions = Sessions([Session("old", "key", time.time() - 1)])

    assert sessions.find("old") is None
    sessions = sessions.with_session("new", "key")
    assert sessions.find("new") is not None
    assert sessions.without("new").find("new") is None
    assert sessions.without("new").all() == []


def test_the_sessions_of_one_key_are_bounded_and_the_oldest_goes_first() -> None:
    sessions = Sessions()
    for number in range(150):
        sessions = sessions.with_session(str(number), "key")
    sessions = sessions.with_session("other", "another key")

    assert len(sessions.all()) == 101
    assert sessions.find("149") is not None
    assert sessions.find("0") is None
