"""What is a loop and what is none. Those in `written/` are by SmolLM2-135M-Instruct, cut around their loops."""

import pickle
import random
import re
from collections.abc import Callable
from itertools import accumulate, count
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


def bare(text: str) -> str:
    return re.sub(r"[0-9 \t]", "", text)


def end_of_bare_loop(text: str, times: int, *, latest: int = 0, least: int = 0) -> int | None:
    """The rule for what repeats itself but for blanks and numbers, put down plainly: where the first loop is one.

    A unit stands there so many `times`, and the `latest` characters repeat those before them; or the `least`, of those
    that are neither blanks nor digits. Whether the numbers count is not looked at.
    """
    places = [place for place, char in enumerate(text) if bare(char)]
    chars = "".join(text[place] for place in places)
    upto = [*accumulate((len(bare(char)) for char in text), initial=0)]
    ends = []
    for period in range(1, len(chars) // times + 1):
        wanted = max((times - 1) * period, least)
        for run in re.finditer(b"\1{%d,}" % wanted, bytes(map(eq, chars, chars[period:]))):
            for repeated in range(wanted, run.end() - run.start() + 1):
                place = run.start() + period + repeated - 1
                after = places[place + 1] if place + 1 < len(places) else len(text)
                whole = range(max(places[place] + 1, latest), after + 1)
                ends += [end for end in whole if upto[end] - upto[end - latest] <= repeated][:1]
    return min(ends, default=None)


def words(rng: random.Random, size: int) -> str:
    """A paragraph of just `size` characters."""
    return " " + " ".join(rng.choice(["one", "three", "five", "seven"]) for _ in range(size))[: size - 2] + "."


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


KEYS = ("a", "ab", "child", "children of it")


def level(number: int, key: str, indent: int, deepest: int, fields: int, *, is_numbered: bool) -> str:
    pad = " " * min(indent * number, deepest)
    told = number if is_numbered else '"same"'
    inner = "".join(f'{pad}"{"xyz"[field]}": {told},\n' for field in range(fields))
    return f'{inner}{pad}"{key}{f"_{number}" if is_numbered else ""}": {{\n'


@pytest.mark.parametrize("is_numbered", [False, True])
@pytest.mark.parametrize("fields", [0, 1, 3])
@pytest.mark.parametrize("deepest", [40, 1000])
@pytest.mark.parametrize("indent", [1, 2, 4, 8])
@pytest.mark.parametrize("key", KEYS)
def test_growing_json_is_stopped_with_its_400th_repeated_character_or_its_8th_level_or_12th_when_they_are_numbered(
    key: str, indent: int, deepest: int, fields: int, is_numbered: bool
) -> None:
    """To the character; where the shortest keys hang deepest, and little but blanks is repeated, 20 later."""
    before = "Here it is:\n```json\n" + words(random.Random(key), 4 + 37 * indent * (fields + 1)) + "\n{\n"
    levels = (level(number, key, indent, deepest, fields, is_numbered=is_numbered) for number in range(1, 50))
    text = before + "".join(levels)[:4000]

    full = end_of_bare_loop(text, 12 if is_numbered else 8, latest=400)

    stop = stop_of(text, 1)

    assert full is not None
    assert stop is not None
    assert full <= stop <= full + (20 if (key, indent) == ("a", 8) else 0)
    assert stop <= (stop_of(text, 7) or 0) < stop + 7


def test_numbered_items_that_a_model_wrote_are_stopped_with_the_8th_of_the_same_words() -> None:
    text = WRITTEN["counting-faq"]

    stop = stop_of(text, 1)

    assert stop is not None
    assert text[text.index("5. What is a cat's favorite color?") : stop].count("favorite color?") in {8, 9}


def test_growing_json_that_a_model_wrote_is_stopped_at_its_12th_level() -> None:
    text = WRITTEN["counting-json-nested"]

    stop = stop_of(text, 1)

    assert stop == end_of_bare_loop(text, 12, latest=400)
    assert text[:stop].count("{") in {12, 13, 14}


LEVELS = {
    "children in lists": lambda n: f'{"    " * n}"name": "node",\n{"    " * n}"children": [\n{"    " * n}  {{\n',
    "one line": lambda n: f'{{"name": "node {n}", "children": [',
    "linked list": lambda n: f'{{"value": {n}, "next": ',
    "steps of ten": lambda n: f'{"  " * n}"step_{10 * n}": {{\n',
    "calls": lambda n: f"add({n}, ",
    "tabs": lambda n: "\t" * n + '"child": {\n',
}


@pytest.mark.parametrize("make", LEVELS.values(), ids=LEVELS.keys())
def test_levels_of_whatever_are_stopped_with_the_8th_or_12th_or_the_400th_repeated_character(make: Line) -> None:
    text = "Of course:\n" + "".join(map(make, range(1, 200)))

    stop = stop_of(text, 1)

    assert stop is not None
    assert stop in {end_of_bare_loop(text[:6000], times, latest=400) for times in (8, 12)}


def test_levels_of_nothing_but_a_bracket_are_stopped_at_the_16th() -> None:
    text = "".join("  " * number + "[\n" for number in range(1, 100))

    assert text[: stop_of(text, 1)].count("[") in {16, 17, 20, 21}


def test_levels_whose_values_differ_are_left_alone() -> None:
    rng = random.Random(7)

    assert stop_of("".join(f'{{"value": {rng.randrange(999)}, "next": ' for _ in range(400)), 5000) is None


def test_levels_that_are_closed_again_are_left_alone() -> None:
    row = '{"a": {"b": {"c": [1, 2, {"d": 0}]}}},\n'

    assert stop_of("".join(f"{' ' * (n % 5)}{row.replace('0', str(n * n))}" for n in range(400)), 5000) is None


def record(number: int) -> str:
    return f'{{"id": {number}, "name": "x"}}, '


def rotating(number: int) -> str:
    return f'  {{"id": {number}, "name": "{["Ada", "Ben", "Cho"][number % 3]}", "mail": "user{number}@example.com"}},\n'


def item(number: int) -> str:
    return f"{number}. Mona Lassi, the sweetest of the drinks of summer.\n"


def clause(number: int) -> str:
    return f"§ {number}. {PARAGRAPHS['paragraph of 1000']}\n"


def every_tenth(number: int) -> str:
    return f"Line {10 * number:06}: nothing to report from the station.\n"


def shifted(number: int) -> str:
    return f"{' ' * (number % 17)}return self.value\n"


COUNTERS: dict[Line, int] = {
    record: 19 + 5000,
    rotating: 16_384,
    item: 43 + 1000,
    clause: 16_384,
    every_tenth: 256 * 36,
    shifted: 17 + 500,
}
"""Characters of a loop, blanks and digits not counted."""


@pytest.mark.parametrize("piece", [1, 64, 5000])
@pytest.mark.parametrize("make", COUNTERS)
def test_counting_is_stopped_at_once_when_it_is_longer_than_any_list_that_was_asked_for(make: Line, piece: int) -> None:
    text = "Of course.\n§" + "".join(map(make, range(100, 1000)))
    wanted = COUNTERS[make]

    stop = stop_of(text, piece)

    assert stop is not None
    assert wanted <= len(bare(text[len("Of course.\n§") : stop])) < wanted + piece


@pytest.mark.parametrize("piece", PIECES)
@pytest.mark.parametrize("name", sorted(COUNTED))
def test_counting_that_a_model_wrote_is_stopped_with_the_same_character(name: str, piece: int) -> None:
    full = stop_of(WRITTEN[name], 1)

    assert full is not None
    assert full <= (stop_of(WRITTEN[name], piece) or 0) < full + piece


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
        st.tuples(st.text("ab\n é美", min_size=1, max_size=90), st.integers(1, 12)),
        st.tuples(st.text(st.characters(exclude_characters="0123456789"), min_size=1, max_size=5), st.integers(1, 3)),
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

    full = min(filter(None, [end_of_loop(text), end_of_bare_loop(text, 8, least=500)]), default=None)
    if full is None:
        assert fed == len(text)
        assert not guard.feed("")
    else:
        assert full <= fed < full + size


def test_a_number_of_many_digits_is_looked_at_like_any_other() -> None:
    rng = random.Random(2)
    long = "".join(rng.choices("0123456789", k=6000))

    assert stop_of("".join(f'{{"a": {long if number == 20 else number}, "b": ' for number in range(40)), 7) is not None
    assert stop_of("".join(f'{{"a": {rng.randrange(10**300)}, "b": ' for _ in range(60)), 7) is None


def test_a_guard_is_no_larger_after_a_million_characters_than_its_longest_loop_twice() -> None:
    guard = LoopGuard()
    for number in range(150_000):
        guard.feed(f"{number * number} or {number}, ")

    assert len(pickle.dumps(guard)) < 2 * 8 * 2048 + 2000
