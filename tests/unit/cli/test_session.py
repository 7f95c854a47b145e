"""What the terminal client knows of a chat."""

from chatkeep.api.schemas import Branch, HistoryAnswer, ShownChat, ShownMessage
from chatkeep.cli.terminal.loop import toolbar
from chatkeep.cli.terminal.session import Own, Session, joined_text


def message(number: int, role: str, text: str = "", **fields: object) -> ShownMessage:
    return ShownMessage(role, text or f"{role} {number}", id=f"m{number}", **fields)  # type: ignore[arg-type]


def history(*messages: ShownMessage, has_more: bool = False) -> HistoryAnswer:
    return HistoryAnswer("c", ShownChat("", "", "Title", 1, list(messages), has_more), None, success=True)


def turns(count: int) -> list[ShownMessage]:
    return [message(number, "user" if number % 2 == 0 else "assistant") for number in range(2 * count)]


def session_of(*messages: ShownMessage) -> Session:
    session = Session("c")
    session.read(history(*messages))
    return session


def test_own_messages_are_counted_without_those_that_ask_to_go_on() -> None:
    asking = message(2, "user", "Go on.", continues="m1")
    session = session_of(
        message(0, "user"), message(1, "assistant"), asking, message(3, "assistant"), message(4, "user")
    )
    assert session.own == [Own(1, "m0", "user 0"), Own(2, "m4", "user 4")]


def test_the_end_of_the_path_takes_the_place_of_what_was_known_from_there_on() -> None:
    known = turns(3)
    session = session_of(*known)
    newest = [known[4], message(9, "assistant"), message(10, "user"), message(11, "assistant")]
    assert session.read_end(history(*newest, has_more=True))
    assert [each.id for each in session.path] == ["m0", "m1", "m2", "m3", "m4", "m9", "m10", "m11"]


def test_an_end_that_does_not_follow_what_is_known_is_refused() -> None:
    session = session_of(*turns(1))
    assert not session.read_end(history(message(8, "user"), message(9, "assistant"), has_more=True))
    assert [each.id for each in session.path] == ["m0", "m1"]


def test_another_chat_keeps_what_was_chosen_for_the_next_messages() -> None:
    session = session_of(*turns(2))
    session.model, session.temperature = "a/b", 0.5
    session.open("other")
    assert (session.path, session.title, session.chat_id) == ([], "", "other")
    assert session.options() == {"model": "a/b", "temperature": 0.5}


def test_places_with_several_messages_are_in_the_order_of_the_path() -> None:
    beside = Branch(2, 3, ["x", "m1", "y"])
    session = session_of(message(0, "user"), message(1, "assistant", branch=beside))
    assert [each.id for each in session.branching] == ["m1"]


def test_a_reply_and_its_continuation_are_one_text() -> None:
    path = [message(0, "user"), message(1, "assistant", "one "), message(2, "assistant", "two", continues="m1")]
    assert joined_text(path, path[2]) == "one two"
    assert joined_text(path, path[1]) == "one "


def test_the_toolbar_names_the_chat_the_model_and_the_rate() -> None:
    session = session_of(message(0, "user"), message(1, "assistant", provider="p", model="m"))
    session.tokens_per_second = 12.34
    assert toolbar(session) == "Title · p/m · 12 tokens/s"
    assert toolbar(Session("c")) == "new chat"
