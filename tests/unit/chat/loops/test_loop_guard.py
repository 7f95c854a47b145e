"""What is a loop and what is none. Those in `written/` are by SmolLM2-135M-Instruct, cut around their loops."""

import pickle
import random
import re
from collections.abc import Callable
from itertools import count
from operator import eq
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatkeep.chat.loops.loop_guard import LoopGuard
from tests.unit.chat.loops.honest import LEAST, honest_texts

WRITTEN = {path.stem: path.read_bytes().decode() for path in sorted((Path(__file__).parent / "written").iterdir())}
COUNTED = {name for name in WRITTEN if name.startswith("counting")}
PIECES = (1, 3, 7, 64, 5000)
Line = Callable[[int], str]


def stop_of(text: str, piece: int) -> int | None:
    """How many characters the guard took, in pieces of `piece`, until it saw a loop."""
    guard = LoopGuard()
    return next((end for end in range(piece, len(text) + piece, piece) if guard.feed(text[end - piece : end])), None)


def end_of_loop(text: str) -> int | None:
    """The rule for what repeats itself character by character, put down plainly: where the first loop is one."""
    ends = [blanks.end() for blanks in re.finditer(r"\s{400}", text)]
    for period in range(1, min(len(text) - 400, 2048) + 1):
        if not any(text[at : at + 200] == text[at + period : at + period + 200] for at in range(0, len(text), 200)):
            continue  # a run of 400 would have one of these
        equal = bytes(map(eq, text, text[period:]))
        for run in re.finditer(b"\1{400,}", equal):
            unit = text[run.start() : run.start() + period]
            times = 24 if "\n" in unit and not any(map(str.isalpha, unit)) else 8
            wanted = max(400 + period, min(times * period, 8 * 2048))
            if run.end() - run.start() + period >= wanted:
                ends.append(run.start() + wanted)
    return min(ends, default=None)


def words(rng: random.Random, size: int) -> str:
    """A paragraph of just `size` characters."""
    return " ".join(rng.choice(["one", "three", "five", "seven"]) for _ in range(size))[: size - 2] + ". "


PARAGRAPHS = {f"paragraph of {size}": words(random.Random(size), size) for size in (100, 333, 1000, 2000, 2048)}
UNITS = PARAGRAPHS | {
    "letter": "a",
    "syllable": "ha",
    "phrase": "I am sorry. ",
    "sentence": "The Chinese, in particular, were known for their tea ceremonies. ",
    "nested JSON": '{"a":{"a":{',
    "list in list": "[",
    "JSON record": '{"name": "Ada", "tags": []},\n',
    "zeros": "0, ",
    "escapes": "\\n",
    "Chinese": "美好的生活、",
    "emoji": "😀🎉",
    "family": "👩‍👩‍👧‍👦",
    "table row": "| Ada | 12 | yes |\n",
    "empty list items": "\n- ",
    "headings": "#\n\n",
    "rule": "-",
    "code": "        return self.value\n",
    "a run in a run": "a" * 390 + "b",
    "runs in a run": ("a" * 190 + "b") * 5 + "c",
}


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("unit", UNITS.values(), ids=UNITS.keys())
def test_a_loop_is_stopped_with_its_400th_repeated_character_or_its_8th_repeat(unit: str, piece: int) -> None:
    text = "Let me think about this:§" + unit * 6000
    full = len("Let me think about this:§") + max(400 + len(unit), 8 * len(unit))

    stop = stop_of(text[: full + 5000], piece)

    assert stop is not None
    assert full <= stop < full + piece


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("name", sorted(WRITTEN.keys() - COUNTED))
def test_a_loop_that_a_model_wrote_is_stopped_with_the_same_character(name: str, piece: int) -> None:
    full, stop = end_of_loop(WRITTEN[name]), stop_of(WRITTEN[name], piece)

    assert full is not None
    assert stop is not None
    assert full <= stop < full + piece


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("blanks", [" ", "\n", "\t", " \n", "\n\n\t ", "\u3000", "random"])
def test_blanks_are_stopped_at_the_400th_in_whatever_mixture(blanks: str, piece: int) -> None:
    rng = random.Random(1)
    many = "".join(rng.choice(" \n\t") for _ in range(9000)) if blanks == "random" else blanks * 9000

    stop = stop_of('{"a":' + many, piece)

    assert stop is not None
    assert 405 <= stop < 405 + piece


ROWS = [
    "|" + " " * 60 + "|\n",
    "[" + "0, " * 20 + "],\n",
    "|-----|-----|-----|-----|\n",
    "⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜⬛⬜\n" * 2,
]


@pytest.mark.parametrize("row", ROWS)
def test_rows_without_a_letter_are_stopped_at_the_24th(row: str) -> None:
    assert stop_of("Like this:" + row * 24, 1) == 10 + 24 * len(row.splitlines(keepends=True)[0])


@pytest.mark.parametrize("row", ROWS[:3])
def test_23_equal_rows_without_a_letter_are_left_alone(row: str) -> None:
    assert stop_of("".join(f"Here is {number * number}:\n" + row * 23 for number in range(20)), 5000) is None


def record(number: int) -> str:
    return f'{{"id": {number}, "name": "x"}}, '


def rotating(number: int) -> str:
    return f'  {{"id": {number}, "name": "{["Ada", "Ben", "Cho"][number % 3]}", "mail": "user{number}@example.com"}},\n'


def deeper(number: int) -> str:
    return f'{"  " * number}"child": {{\n'


def deeper_and_numbered(number: int) -> str:
    return f'{{"child_{number}": [{{"value": 0}}, '


def item(number: int) -> str:
    return f"{number}. Mona Lassi, the sweetest of the drinks of summer.\n"


def clause(number: int) -> str:
    return f"§ {number}. {PARAGRAPHS['paragraph of 1000']}\n"


def every_tenth(number: int) -> str:
    return f"Line {10 * number:06}: nothing to report from the station.\n"


COUNTERS: dict[Line, int] = {
    record: 8000,
    rotating: 24_000,
    deeper: 4000,
    deeper_and_numbered: 4000,
    item: 4000,
    clause: 24_000,
    every_tenth: 256 * 54,
}


@pytest.mark.parametrize("piece", [3, 5000])
@pytest.mark.parametrize("make", COUNTERS)
def test_counting_is_stopped_when_it_has_gone_on_as_long_as_no_list_that_was_asked_for(make: Line, piece: int) -> None:
    text = "Of course:\n" + "".join(map(make, range(100, 1000)))

    stop = stop_of(text, piece)

    assert stop is not None
    assert COUNTERS[make] <= stop <= COUNTERS[make] + 4500 + piece


@pytest.mark.parametrize("name", sorted(COUNTED))
def test_counting_that_a_model_wrote_is_stopped(name: str) -> None:
    stop = stop_of(WRITTEN[name], 4)

    assert stop is not None
    assert stop <= 4000 + 4500


@pytest.mark.parametrize(
    "line",
    [
        lambda n: f"{5000 - n} bottles of lemonade\n",
        lambda n: f"The square of {n} is {n * n}.\n",
        lambda n: f"{n} times 3 is {3 * n}, as we know.\n",
        lambda n: f"{n}, ",
        lambda n: f"{n} | {n % 7}\n",
        lambda n: f"Name {n} is on page {n // 25}.\n",
        lambda n: f"Sum {n}: {n * 7919 % 1000}\n",
    ],
    ids=["down", "squares", "two steps", "numbers alone", "numbers that turn", "now and then", "other numbers"],
)
def test_numbers_that_do_not_just_go_up_by_one_step_beside_a_word_are_left_alone(line: Line) -> None:
    assert stop_of("".join(map(line, range(4500))), 5000) is None


def test_no_honest_text_of_more_than_a_thousand_is_taken_for_a_loop() -> None:
    looked_at, alarms = 0, []
    for name, text in honest_texts():
        assert len(text) >= LEAST, name
        looked_at += 1
        if LoopGuard().feed(text):
            alarms.append(name)

    assert alarms == []
    assert looked_at >= 1000


REPETITIVE = st.lists(
    st.one_of(
        st.tuples(st.text("ab\n ", min_size=1, max_size=12), st.integers(1, 250)),
        st.tuples(st.text("ab\n 0é美", min_size=1, max_size=90), st.integers(1, 12)),
        st.tuples(st.text(min_size=1, max_size=5), st.integers(1, 3)),
    ),
    min_size=1,
    max_size=6,
).map(lambda parts: "".join(unit * times for unit, times in parts)[:3000])


@settings(deadline=None)
@given(REPETITIVE, st.lists(st.integers(1, 700), min_size=1, max_size=50))
def test_a_loop_is_seen_at_the_same_character_however_the_text_is_cut(text: str, cuts: list[int]) -> None:
    guard, fed = LoopGuard(), 0
    for size in (cuts[number % len(cuts)] for number in count()):
        piece = text[fed : fed + size]
        fed += len(piece)
        if guard.feed(piece) or fed == len(text):
            break

    full = end_of_loop(text)
    if full is None:
        assert fed == len(text)
        assert not guard.feed("")
    else:
        assert full <= fed < full + size


def test_a_guard_is_no_larger_after_a_million_characters_than_its_longest_loop() -> None:
    guard = LoopGuard()
    for number in range(150_000):
        guard.feed(f"{number * number} ")

    assert len(pickle.dumps(guard)) < 8 * 2048 + 2000
