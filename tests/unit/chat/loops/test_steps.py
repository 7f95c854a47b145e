import pytest

from chatkeep.chat.loops.steps import Steps, slots_of, steps_of


def test_a_unit_has_as_many_numbers_as_a_second_one_adds() -> None:
    assert slots_of("row 11: 7 of 9\nrow 12: 7 of 9\n", "row 12: 7 of 9\n") == 3
    assert slots_of("a1b\na1b\n", "a1b\n") == 1
    assert slots_of("no\nno\n", "no\n") == 0


@pytest.mark.parametrize(
    ("text", "slots", "steps"),
    [
        ("a 1 a 2 a 3 a", 1, Steps(moves=True, broken_at=-1)),
        ("a 7 a 7 a 7 a", 1, Steps(moves=False, broken_at=-1)),
        ("a 10, 5; a 20, 5; a 30, 5; a", 2, Steps(moves=True, broken_at=-1)),
        ("a 1 a 2 a 3 a 99", 1, Steps(moves=True, broken_at=-1)),  # which may become 994
        ("a b a b a", 0, Steps(moves=False, broken_at=-1)),
    ],
    ids=["up", "the same", "one of two", "cut", "none"],
)
def test_numbers_that_stay_or_go_up_by_one_step_are_unbroken(text: str, slots: int, steps: Steps) -> None:
    assert steps_of(text, slots) == steps


@pytest.mark.parametrize(
    ("text", "slots"),
    [
        ("a |5 a 1 a 2 a 3 a 4 a", 1),
        ("a 9 a |8 a 7 a", 1),
        ("a 1, 1; a |2, 3; a 3, 5; a", 2),
        ("a b a |4 b a b a", 0),
    ],
    ids=["begins anew", "down", "two steps", "where there should be none"],
)
def test_a_break_is_at_the_last_number_that_must_be_left_behind(text: str, slots: int) -> None:
    assert steps_of(text.replace("|", ""), slots).broken_at == text.index("|")
