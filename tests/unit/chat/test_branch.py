"""The message tree."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatkeep.chat.branch import Tree, active_path, appended, path_of_place, path_to, questions
from chatkeep.chat.model import START, Chat, Message


def message(name: str, role: str = "user", parent: str | None = None) -> Message:
    return Message(role=role, content=name, id=name or None, parent_id=parent)  # type: ignore[arg-type]


def chat(*messages: Message, current: str | None = None) -> Chat:
    return Chat("c", "t", 1, "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z", list(messages), {}, current)


SYSTEM = Message(role="system", content="Be kind.")
BRANCHED = (
    SYSTEM,
    message("q1"),
    message("a1", "assistant"),
    message("q2"),
    message("a2", "assistant"),
    message("q1b", parent=START),
    message("a1b", "assistant"),
    message("a2b", "assistant", parent="q2"),
)


def said(found: object) -> list[str]:
    return [each.content for each in found]  # type: ignore[attr-defined]


def test_without_branches_the_active_path_is_all_messages() -> None:
    plain = chat(*BRANCHED[:5])
    assert active_path(plain) is plain.messages


@pytest.mark.parametrize(
    ("current", "expected"),
    [
        (None, ["Be kind.", "q1", "a1", "q2", "a2b"]),
        ("a2", ["Be kind.", "q1", "a1", "q2", "a2"]),
        ("a1b", ["Be kind.", "q1b", "a1b"]),
        ("gone", ["Be kind.", "q1", "a1", "q2", "a2b"]),
    ],
)
def test_the_active_path_ends_with_the_current_message_or_the_last_one(
    current: str | None, expected: list[str]
) -> None:
    assert said(active_path(chat(*BRANCHED, current=current))) == expected


def test_siblings_are_those_that_follow_the_same_message() -> None:
    assert Tree(BRANCHED).siblings() == {1: [1, 5], 5: [1, 5], 4: [4, 7], 7: [4, 7]}


def test_the_newest_path_through_a_message_ends_with_its_last_descendant() -> None:
    tree = Tree(BRANCHED)
    assert [tree.end_of(place) for place in (1, 3, 4, 5)] == [7, 7, 4, 6]


def test_a_parent_that_is_not_there_or_comes_later_is_taken_as_the_message_before() -> None:
    assert Tree([message("a", parent="b"), message("b", parent="nobody"), message("c", parent="c")]).parents == [
        -1,
        0,
        1,
    ]


def test_a_turn_on_the_path_that_ends_the_file_needs_no_parent() -> None:
    assert appended(chat(*BRANCHED), None, [message("q3"), message("a3")])[-2:] == [message("q3"), message("a3")]


def test_a_turn_on_another_path_says_what_it_follows() -> None:
    grown = appended(chat(*BRANCHED, current="a1b"), None, [message("q3"), message("a3")])
    assert grown[-2:] == [message("q3", parent="a1b"), message("a3")]


def test_a_turn_at_the_start_follows_the_system_prompt_alone() -> None:
    grown = chat(*appended(chat(*BRANCHED), START, [message("q0")]))
    assert said(active_path(grown)) == ["Be kind.", "q0"]
    assert said(path_to(grown, START) or ()) == ["Be kind."]


@given(st.lists(st.integers(-1, 30), max_size=30))
def test_every_message_is_on_the_path_to_itself_and_paths_grow_by_one(parents: list[int]) -> None:
    messages = [
        message(f"m{place}", parent=START if parent < 0 else f"m{parent % place}" if place else None)
        for place, parent in enumerate(parents)
    ]
    tree = Tree(messages)
    for place in range(len(messages)):
        path = tree.path_to(place)
        assert path[-1] == place
        assert path == sorted(set(path))
        assert path[:-1] == (tree.path_to(tree.parents[place]) if tree.parents[place] >= 0 else [])
        assert place in tree.path_to(tree.end_of(place))


class Counted(list[Message]):
    """Messages that count how often one is looked at by its place."""

    looks = 0

    def __getitem__(self, place: Any) -> Any:
        self.looks += 1
        return super().__getitem__(place)


@pytest.mark.parametrize("parents", [[None] * 1000, [START, *(f"m{place}" for place in range(999))]])
def test_a_thousand_messages_without_a_question_are_each_looked_at_a_few_times(parents: list[str | None]) -> None:
    messages = Counted(message(f"m{place}", "assistant", parent) for place, parent in enumerate(parents))

    assert questions(chat(*messages)) == [None] * 1000
    questions(msgspec.structs.replace(chat(), messages=messages))
    assert messages.looks < 10_000


@given(st.lists(st.tuples(st.integers(-2, 30), st.sampled_from(["user", "assistant", "tool"])), max_size=30), st.data())
def test_the_question_of_a_message_is_the_nearest_one_of_the_users_on_the_path_before_it(
    rows: list[tuple[int, str]], data: st.DataObject
) -> None:
    messages = [
        Message(
            role=role,  # type: ignore[arg-type]
            content="",
            id=f"m{place}",
            parent_id=None if parent == -2 else START if parent == -1 or not place else f"m{parent % place}",
        )
        for place, (parent, role) in enumerate(rows)
    ]
    known = data.draw(st.integers(0, len(messages)))

    expected = [
        next((m for m in reversed(path_of_place(chat(*messages), place)[:-1]) if m.role == "user"), None)
        for place in range(known, len(messages))
    ]
    assert questions(chat(*messages), known) == expected
