from datetime import UTC, datetime, timedelta, timezone

import pytest

from chatkeep.chat.model import check_chat_id, is_timestamp, new_id, now, timestamp, title_of
from chatkeep.errors import InvalidChatId


@pytest.mark.parametrize("chat_id", ["a", "space-facts", "A_9", "x" * 128])
def test_a_chat_id_of_allowed_characters_is_accepted(chat_id: str) -> None:
    assert check_chat_id(chat_id) == chat_id


@pytest.mark.parametrize(
    "chat_id", ["", "../x", "a b", "x" * 129, "ä", "a.b", "a/b", "a\n", "a\0", "-\N{CYRILLIC SMALL LETTER A}"]
)
def test_a_chat_id_that_could_become_a_path_is_refused(chat_id: str) -> None:
    with pytest.raises(InvalidChatId):
        check_chat_id(chat_id)


def test_a_timestamp_is_utc_with_microseconds_even_when_they_are_zero() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))

    assert timestamp(moment) == "2026-01-02T01:04:05.000000Z"
    assert is_timestamp(now())


def test_a_time_without_a_zone_is_taken_as_utc() -> None:
    assert timestamp(datetime(2026, 1, 2, 3, 4, 5)) == timestamp(datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))  # noqa: DTZ001 - what is tested


def test_ids_sort_by_their_time_of_making() -> None:
    first, second = new_id("run"), new_id("run")

    assert first[:18] <= second[:18]
    assert first != second


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("\n\n  What   is\tit?\nmore", "What is it?"),
        ("", "New chat"),
        (" \n ", "New chat"),
        ("x" * 100, "x" * 79 + "…"),
    ],
)
def test_a_title_is_the_first_line_that_says_something(text: str, title: str) -> None:
    assert title_of(text) == title
