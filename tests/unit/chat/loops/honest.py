"""Long texts that repeat much and are no loops: written ones from this Python's sources, and made ones of every kind
that models are asked for. Each has 4,000 characters or more; the same ones come on every run."""

import base64
import difflib
import json
import os
import random
import textwrap
import unicodedata
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from itertools import chain, count, islice
from pathlib import Path

LEAST = 4000
MOST = 24_000  # characters of a source that are read: a long reply
VARIANTS = 10

# Tables of codes have 32 and more equal lines, which is a loop to anybody who does not know what they are for.
_TABLES = {"encodings", "test", "tests", "site-packages", "__pycache__"}
_PACKAGES = ("chatkeep", "litestar", "hypothesis", "httpx", "msgspec", "pytest", "structlog", "uvicorn", "pydantic")

_NAMES, _PLACES, _NOUNS, _VERBS = (
    line.split()
    for line in """
Ada Ben Cho Dora Emil Fay Gus Hana Ivo June Kofi Lena Milo Nora Otto Pia Quin Rosa Sven Tara
Lund Oslo Graz Bern Porto Turin Ghent Malmo Split Varna
river lamp winter boat garden letter road field bread harbour window shoulder morning engine sparrow
carries leaves remembers opens follows forgets mends colours answers crosses borrows measures
""".strip().splitlines()
)
_KANJI = "春の朝川山海空風雨雪花鳥月星夜道町人声手心水火木土金日々来行見聞話書読思知待立歩走"

Text = Callable[[random.Random], str]


def honest_texts() -> Iterator[tuple[str, str]]:
    """Name and text of each."""
    yield from _sources()
    for make in _KINDS:
        for variant in range(VARIANTS):
            yield f"{make.__name__} {variant}", make(random.Random(f"{make.__name__} {variant}"))


def _sources() -> Iterator[tuple[str, str]]:
    library = Path(os.__file__).parent
    roots = [library, *(Path(spec.origin).parent for name in _PACKAGES if (spec := find_spec(name)) and spec.origin)]
    for root in roots:
        for folder, inner, names in os.walk(root):
            inner[:] = sorted(set(inner) - _TABLES)
            for path in (Path(folder, name) for name in sorted(names) if name.endswith(".py")):
                text = path.read_text(encoding="utf-8", errors="replace")[:MOST]
                if len(text) >= LEAST:
                    yield str(path), text


def _lines(lines: Iterator[str], least: int = LEAST) -> str:
    """As many of `lines` as it takes."""
    text: list[str] = []
    while least > 0:
        text.append(next(lines) + "\n")
        least -= len(text[-1])
    return "".join(text)


def _sentence(rng: random.Random) -> str:
    return f"The {rng.choice(_NOUNS)} {rng.choice(_VERBS)} the {rng.choice(_NOUNS)}"


def csv_of_people(rng: random.Random) -> str:
    rows = (f"{n},{rng.choice(_NAMES)},{rng.choice(_PLACES)},{rng.randrange(18, 90)},true" for n in count(1))
    return "id,name,city,age,active\n" + _lines(rows, 9000)


def csv_of_figures(rng: random.Random) -> str:
    step = rng.randrange(3, 99)
    return _lines(f"{n},{n % 7},{n * step % 101},{n * n % 13 / 10},0,0,0" for n in count())


def csv_of_numbered_users(rng: random.Random) -> str:
    rows = rng.randrange(100, 250)
    return "".join(f"{n},user{n},user{n}@example.com,true,2024-01-01\n" for n in range(1, rows + 1))


def markdown_table(rng: random.Random) -> str:
    head = "| # | square | name | done |\n| ---: | ---: | --- | :---: |\n"
    return head + _lines(f"| {n} | {n * n} | {rng.choice(_NAMES)} | yes |" for n in count(1))


def padded_table(rng: random.Random) -> str:
    width = rng.randrange(20, 60)
    rule = "+" + "+".join(["-" * (width + 2)] * 4) + "+"
    rows = (("|" + f" {rng.choice(_NOUNS):<{width}} |" * 2 + f" {rng.choice(_NAMES):<{width}} |" * 2) for _ in count())
    return _lines(chain.from_iterable((rule, row) for row in rows), 12_000)


def multiplication_table(rng: random.Random) -> str:
    return _lines(f"{a} x {b} = {a * b}" for a in count(rng.randrange(1, 30)) for b in range(1, 101))


def square_multiplication_table(rng: random.Random) -> str:
    size = rng.randrange(32, 50)
    return "\n".join(" ".join(f"{a * b:4}" for b in range(1, size)) for a in range(1, size))


def rules_and_headings(rng: random.Random) -> str:
    marks = "-=*#~_"
    return _lines(f"{rng.choice(marks) * rng.randrange(40, 300)}\n{_sentence(rng)}" for _ in count())


def boxes(rng: random.Random) -> str:
    width, height = rng.randrange(30, 78), rng.randrange(8, 23)
    box = f"+{'-' * width}+\n" + f"|{' ' * width}|\n" * height + f"+{'-' * width}+\n"
    return _lines(f"{_sentence(rng)}\n{box}" for _ in count())


def bar_chart(rng: random.Random) -> str:
    return _lines(f"{rng.choice(_PLACES):>8} | {'#' * rng.randrange(1, 120)}" for _ in count())


def triangles(rng: random.Random) -> str:
    mark = rng.choice("*#o")
    return _lines(" " * (60 - n) + mark * (2 * n + 1) for _ in count() for n in range(rng.randrange(20, 60)))


def hex_dump(rng: random.Random) -> str:
    def row(place: int) -> str:
        some = bytes(16) if place % 400 > 80 else rng.randbytes(16)
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in some)
        return f"{place:08x}  {some.hex(' ')}  |{shown}|"

    return _lines((row(place) for place in count(0, 16)), 12_000)


def byte_array(rng: random.Random) -> str:
    return _lines(f"    {', '.join(f'0x{rng.randrange(256):02x}' for _ in range(12))}," for _ in count())


def server_log(rng: random.Random) -> str:
    row = '10.0.0.7 - - [12/Mar/2024:{:02}:{:02}:{:02} +0000] "GET /health HTTP/1.1" 200 15 "-" "probe/1.0"'
    return _lines((row.format(n // 3600 % 24, n // 60 % 60, n % 60) for n in count(rng.randrange(9000))), 20_000)


def heartbeat_log(rng: random.Random) -> str:
    step = rng.randrange(1, 30)
    row = "2024-03-12T{:02}:{:02}:{:02}Z INFO worker-1 heartbeat ok, queue empty"
    return _lines((row.format(n // 3600 % 24, n // 60 % 60, n % 60) for n in count(0, step)), 20_000)


def test_report(rng: random.Random) -> str:
    rows = (f"tests/test_{rng.choice(_NOUNS)}.py::test_case[{n}] PASSED [{n // 4:3}%]" for n in range(400))
    return "\n".join(rows)


def numbered_tests(rng: random.Random) -> str:
    call = rng.choice(_VERBS)
    return _lines(f"    def test_{call}_{n}(self):\n        self.assertEqual({call}({n}), {n * n})\n" for n in count())


def numbered_fields(rng: random.Random) -> str:
    return "".join(f"    self.field_{n} = field_{n}\n" for n in range(rng.randrange(170, 250)))


def numbered_inserts(rng: random.Random) -> str:
    row = "INSERT INTO users (id, name, mail) VALUES ({0}, 'user{0}', 'user{0}@example.com');\n"
    return "".join(row.format(n) for n in range(1, rng.randrange(100, 200)))


def year_of_days(rng: random.Random) -> str:
    return "".join(f"- [ ] Day {n}: {rng.choice(['rest', 'rest'])}\n" for n in range(1, 366))


def bottles(rng: random.Random) -> str:
    where = rng.choice(["wall", "shelf"])
    verse = "{0} green bottles standing on the {2}, {0} green bottles. If one of them should fall, {1} on the {2}.\n\n"
    return "".join(verse.format(n, n - 1, where) for n in range(120, 0, -1))


def counting_song(rng: random.Random) -> str:
    line = rng.choice(["sat down upon a garden wall", "went out to look for winter rain"])
    verse = f"{{0}} grey geese {line},\nand as the evening came so slow,\nthey called for one more goose to go.\n\n"
    return "".join(verse.format(n) for n in range(1, 101))


def song_with_refrain(rng: random.Random) -> str:
    refrain = "\n".join(_sentence(rng) for _ in range(4)) + "\nand home we go, and home we go.\n"
    return _lines(f"{_sentence(rng)},\n{_sentence(rng)}.\n\n{refrain}" for _ in count())


def growing_song(rng: random.Random) -> str:
    gifts = [f"{n} {rng.choice(_NOUNS)}s" for n in range(1, 41)]
    return "\n".join(f"On day {n} my neighbour gave to me\n" + ",\n".join(reversed(gifts[:n])) for n in range(1, 41))


def clauses(rng: random.Random) -> str:
    frame = "{0}.{1} The Supplier shall not {2} the {3} without the prior written consent of the Customer."
    return _lines(frame.format(a, b, rng.choice(_VERBS), rng.choice(_NOUNS)) for a in count(1) for b in range(1, 9))


def litany(rng: random.Random) -> str:
    return _lines(f"Blessed is the {rng.choice(_NOUNS)} that {rng.choice(_VERBS)}, now and always." for _ in count())


def json_records(rng: random.Random) -> str:
    rows = [{"id": n, "name": rng.choice(_NAMES), "city": rng.choice(_PLACES), "tags": []} for n in range(1, 160)]
    return json.dumps(rows, indent=rng.choice([None, 2, 4]))


def json_seats(rng: random.Random) -> str:
    return json.dumps([{"seat": n, "status": "free"} for n in range(rng.randrange(130, 250))])


def json_tree(rng: random.Random) -> str:
    def node(depth: int) -> dict[str, object]:
        return {"name": rng.choice(_NOUNS), "children": [node(depth - 1) for _ in range(3)] if depth else []}

    return json.dumps(node(4), indent=2)


def numbered_levels(rng: random.Random) -> str:
    """Ten deep, as people ask for to see how deep an object can be."""
    indent, key = rng.choice([None, 2, 4]), rng.choice(["level", "child_", "folder_number_"])

    def level(number: int) -> dict[str, object]:
        return {f"{key}{number}": {"depth": number, **level(number + 1)}} if number <= 10 else {"end": True}

    return _lines(f"{_sentence(rng)}:\n{json.dumps(level(1), indent=indent)}" for _ in count())


def linked_lists(rng: random.Random) -> str:
    indent, begin = rng.choice([None, 2, 4]), rng.randrange(5)

    def node(number: int) -> dict[str, object]:
        return {"value": begin + number, "next": node(number + 1) if number < 10 else None}

    return _lines(f"{_sentence(rng)}:\n{json.dumps(node(1), indent=indent)}" for _ in count())


def introspection_query(rng: random.Random) -> str:
    """GraphQL's own: a fragment with the same three lines, nine deep."""

    def of_type(depth: int) -> str:
        pad = "  " * (10 - depth)
        inner = f"{pad}ofType {{\n{of_type(depth - 1)}{pad}}}\n" if depth else ""
        return f"{pad}kind\n{pad}name\n{inner}"

    return _lines(f"# {_sentence(rng)}\nfragment TypeRef on __Type {{\n{of_type(9)}}}\n" for _ in count())


def html_table(rng: random.Random) -> str:
    row = "  <tr>\n    <td>{}</td>\n    <td>{}</td>\n    <td></td>\n  </tr>"
    return "<table>\n" + _lines(row.format(rng.choice(_NAMES), rng.randrange(99)) for _ in count()) + "</table>"


def nested_lists(rng: random.Random) -> str:
    deep = rng.randrange(8, 20)
    opened = "".join(f"{'  ' * n}<ul>\n{'  ' * n}<li>\n" for n in range(deep))
    closed = "".join(f"{'  ' * n}</li>\n{'  ' * n}</ul>\n" for n in reversed(range(deep)))
    return _lines(f"<p>{_sentence(rng)}</p>\n{opened}{closed}" for _ in count())


def base64_lines(rng: random.Random) -> str:
    return "\n".join(textwrap.wrap(base64.b64encode(rng.randbytes(4000)).decode(), 76))


def base64_of_a_bitmap(rng: random.Random) -> str:
    rows = (bytes(rng.randrange(200)) + rng.randbytes(8) for _ in range(60))
    return base64.b64encode(b"".join(rows)).decode()


def diff(rng: random.Random) -> str:
    old = [f"{rng.choice(_NOUNS)} = {rng.randrange(9)}" for _ in range(400)]
    new = [line if rng.random() < 0.8 else f"{rng.choice(_NOUNS)} = 0" for line in old]
    return "\n".join(difflib.unified_diff(old, new, "a/settings.ini", "b/settings.ini", lineterm=""))


def chess_boards(rng: random.Random) -> str:
    def board() -> str:
        squares = [["."] * 8 for _ in range(8)]
        for piece in "KQRRkqrrPPPPpppp":
            squares[rng.randrange(8)][rng.randrange(8)] = piece
        return "\n".join(" ".join(row) for row in squares)

    return _lines(f"Move {n}\n{board()}\n" for n in count(1))


def checkered_boards(rng: random.Random) -> str:
    size = rng.randrange(8, 21)
    rows = "\n".join("".join("⬛⬜"[(row + column) % 2] for column in range(size)) for row in range(size))
    return _lines(f"{_sentence(rng)}\n{rows}" for _ in count())


def identity_matrix(rng: random.Random) -> str:
    size = rng.randrange(46, 80)
    return "\n".join(" ".join("1" if row == column else "0" for column in range(size)) for row in range(size))


def zero_matrices(rng: random.Random) -> str:
    """Up to 20 rows of 20: beyond 24 equal rows a matrix is taken for a loop."""
    size = rng.randrange(5, 21)
    rows = ("    [" + ", ".join(["0"] * size) + "],\n") * size
    return _lines(f"{rng.choice(_NOUNS)} = [\n{rows}]" for _ in count())


def truth_table(rng: random.Random) -> str:
    wide = rng.randrange(8, 10)
    return "\n".join(" | ".join(format(n, f"0{wide}b")) + f" | {n.bit_count() % 2}" for n in range(2**wide))


def unicode_table(rng: random.Random) -> str:
    rows = (f"U+{n:04X} {chr(n)} {unicodedata.name(chr(n), 'UNNAMED')}" for n in count(rng.randrange(0xA0, 0x3000)))
    return _lines(rows)


def private_use_table(rng: random.Random) -> str:
    return _lines(f"U+{n:04X}  <private use>" for n in count(0xE000 + rng.randrange(999)))


def digits_of_pi(rng: random.Random) -> str:
    size = LEAST + rng.randrange(200)
    total, term, place = 0, 10 ** (size + 9) // 5 * 16, 1  # Machin: pi = 16 atan(1/5) - 4 atan(1/239)
    other = 10 ** (size + 9) // 239 * 4
    while term:
        total += (term - other) // place if place % 4 == 1 else -((term - other) // place)
        term, other, place = term // 25, other // 57_121, place + 2
    return f"3.{str(total)[1:size]}"


def primes(rng: random.Random) -> str:
    found = (n for n in count(2) if all(n % d for d in range(2, int(n**0.5) + 1)))
    return rng.choice([", ", "\n", " "]).join(map(str, islice(found, 1200)))


def one_to_two_thousand(rng: random.Random) -> str:
    between = rng.choice([", ", "\n", " ", ",\n    "])
    return between.join(map(str, range(1, 2001)))


def odd_and_even(rng: random.Random) -> str:
    return _lines(f"{n} is {'odd' if n % 2 else 'even'}." for n in range(1, 500 + rng.randrange(9)))


def fizz_buzz(rng: random.Random) -> str:
    words = ("fizz" * (n % 3 == 0) + "buzz" * (n % 5 == 0) or str(n) for n in range(1, 1300 + rng.randrange(99)))
    return "\n".join(words)


def squares_in_words(rng: random.Random) -> str:
    return _lines((f"The square of {n} is {n * n}." for n in count(rng.randrange(50))), 20_000)


def times_in_words(rng: random.Random) -> str:
    by = rng.randrange(3, 20)
    return _lines((f"{n} times {by} is {n * by}, as everybody knows." for n in count(1)), 20_000)


def guitar_tabs(rng: random.Random) -> str:
    return _lines(f"{name}|{'-' * 30}{rng.randrange(9)}{'-' * 30}|" for _ in count() for name in "eBGDAE")


def knitting_pattern(rng: random.Random) -> str:
    rows = chain.from_iterable(
        (f"Row {n}: knit all stitches.", f"Row {n + 1}: purl all stitches.") for n in count(1, 2)
    )
    return f"{_sentence(rng)}.\n" + _lines(rows, 7000)


def folder_tree(rng: random.Random) -> str:
    return _lines(f"{'│   ' * rng.randrange(6)}├── {rng.choice(_NOUNS)}_{rng.randrange(99)}.txt" for _ in count())


def prose(rng: random.Random) -> str:
    return " ".join(f"{_sentence(rng)}." for _ in range(200))


def four_words(rng: random.Random) -> str:
    return " ".join(rng.choice(["alpha", "beta", "gamma", "delta"]) for _ in range(3000))


def two_letters(rng: random.Random) -> str:
    return "".join(rng.choice("ACGT"[: rng.randrange(2, 5)]) for _ in range(9000))


def chinese(rng: random.Random) -> str:
    words = ["".join(rng.choice(_KANJI) for _ in range(rng.randrange(2, 6))) for _ in range(40)]
    return "、".join(rng.choice(words) for _ in range(1200))


def emoji(rng: random.Random) -> str:
    return "".join(rng.choice(["😀", "🎉", "👍🏽", "👩‍💻", "🌧️", " "]) for _ in range(5000))


def blank_form(rng: random.Random) -> str:
    month = f"\n## {rng.choice(_NAMES)}\n\n|   |   |   |   |\n|---|---|---|---|\n" + "|   |   |   |   |\n" * 20
    return _lines(f"{_sentence(rng)}\n{month}" for _ in count())


def indented_code(rng: random.Random) -> str:
    def block(depth: int) -> str:
        pad = "    " * depth
        return f"{pad}if {rng.choice(_NOUNS)} > {rng.randrange(9)}:\n" + (
            block(depth + 1) if depth < 14 else f"{pad}    pass\n"
        )

    return _lines(block(0) for _ in count())


_KINDS: tuple[Text, ...] = (
    *(csv_of_people, csv_of_figures, csv_of_numbered_users, markdown_table, padded_table, blank_form),
    *(multiplication_table, square_multiplication_table, times_in_words, squares_in_words, odd_and_even, fizz_buzz),
    *(rules_and_headings, boxes, bar_chart, triangles, folder_tree, guitar_tabs, knitting_pattern),
    *(hex_dump, byte_array, base64_lines, base64_of_a_bitmap, server_log, heartbeat_log, test_report, diff),
    *(numbered_tests, numbered_fields, numbered_inserts, year_of_days, indented_code),
    *(bottles, counting_song, song_with_refrain, growing_song, litany, clauses),
    *(json_records, json_seats, json_tree, html_table, nested_lists),
    *(numbered_levels, linked_lists, introspection_query),
    *(chess_boards, checkered_boards, identity_matrix, zero_matrices, truth_table, unicode_table, private_use_table),
    *(digits_of_pi, primes, one_to_two_thousand, prose, four_words, two_letters, chinese, emoji),
)
