"""Sessions: how they begin and end."""

import time

from chatkeep.access.sessions import Session, Sessions


def test_a_session_ends_with_its_time_and_at_a_logout() -> None:
    past = Session("old", "key", time.time() - 1)
    sessions = Sessions([past])

    assert sessions.find("old") is None
    sessions.begin("new", "key")
    assert sessions.find("new") is not None
    assert sessions.end("new")
    assert sessions.find("new") is None
    assert sessions.all() == []


def test_the_sessions_of_one_key_are_bounded_and_the_oldest_goes_first() -> None:
    sessions = Sessions()
    for number in range(150):
        sessions.begin(str(number), "key")
    sessions.begin("other", "another key")

    assert len(sessions.all()) == 101
    assert sessions.find("149") is not None
    assert sessions.find("0") is None
