from collections.abc import Iterator

import pytest

from chatkeep.chat.events import Delta, Finish, ProviderEvent, Reasoning
from chatkeep.chat.model import ToolCall
from chatkeep.providers.conversation import joined

CALL = ToolCall("1", "look", "{}")


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], []),
        ([Delta("a"), Delta("b"), Finish("stop")], [Delta("ab"), Finish("stop")]),
        (
            [Reasoning("a"), Reasoning("b"), Delta("c"), Reasoning("d")],
            [Reasoning("ab"), Delta("c"), Reasoning("d")],
        ),
        ([Delta("a"), CALL, Delta("b")], [Delta("a"), CALL, Delta("b")]),
    ],
)
def test_texts_that_follow_each_other_become_one_and_nothing_changes_its_place(
    events: list[ProviderEvent], expected: list[ProviderEvent]
) -> None:
    assert list(joined(events)) == expected


def test_what_stood_before_a_broken_piece_is_not_lost() -> None:
    def broken() -> Iterator[ProviderEvent]:
        yield Delta("a")
        yield Delta("b")
        raise ValueError("broken")

    found: list[ProviderEvent] = []
    with pytest.raises(ValueError, match="broken"):
        found.extend(joined(broken()))

    assert found == [Delta("ab")]


def test_giving_up_half_way_is_quiet() -> None:
    events = joined([Delta("a"), Finish("stop")])
    assert next(events) == Delta("a")

    events.close()  # type: ignore[attr-defined]
