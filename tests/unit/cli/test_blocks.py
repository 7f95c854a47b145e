"""A growing Markdown text is cut into pieces that are final, wherever its own pieces were cut."""

from hypothesis import given
from hypothesis import strategies as st

from chatkeep.cli.terminal.blocks import Blocks, Code, Fence, Piece, Prose

TEXT = """\
# Title

A paragraph
on two lines.

- one
- two
  - below two
- three

1. first

   still first
2. second

```python
def f():
    return 1

```

| a | b |
|---|---|
| 1 | 2 |

> quoted
lazily

~~~
```
~~~
The end."""

_LINES = [
    "text",
    "# head",
    "- item",
    "  more",
    "1. one",
    "```py",
    "```",
    "~~~",
    "| a | b |",
    "|---|---|",
    "> q",
    "---",
    "",
]


def pieces_of(*texts: str) -> list[Piece]:
    blocks = Blocks()
    return [piece for text in texts for piece in blocks.add(text)] + blocks.finish()


def source_of(pieces: list[Piece]) -> str:
    """The text again, without the spaces before fences and behind them."""
    found = ""
    for piece in pieces:
        match piece:
            case Prose(source=source):
                found += source
            case Fence(line=line):
                found += line + "\n"
            case Code(code=code):
                found += code
    return found


def test_blocks_items_and_lines_of_code_are_pieces() -> None:
    pieces = pieces_of(TEXT)
    assert [piece.source.strip() for piece in pieces if isinstance(piece, Prose)] == [
        "# Title",
        "A paragraph\non two lines.",
        "- one",
        "- two\n  - below two",
        "- three",
        "1. first\n\n   still first",
        "2. second",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "> quoted\nlazily",
        "The end.",
    ]
    assert [piece.line for piece in pieces if isinstance(piece, Fence)] == ["```python", "```", "~~~", "~~~"]
    assert [piece.code for piece in pieces if isinstance(piece, Code)] == ["def f():\n    return 1\n\n", "```\n"]
    assert [piece.source.strip() for piece in pieces if isinstance(piece, Prose) and piece.joined] == [
        "- two\n  - below two",
        "- three",
        "2. second",
    ]


def test_a_text_has_the_same_blocks_wherever_it_is_cut() -> None:
    whole = pieces_of(TEXT)
    for cut in range(len(TEXT)):
        found = pieces_of(TEXT[:cut], TEXT[cut:])
        assert source_of(found) == source_of(whole)
        assert [piece for piece in found if not isinstance(piece, Code)] == [
            piece for piece in whole if not isinstance(piece, Code)
        ]


@given(st.lists(st.sampled_from(_LINES), max_size=30), st.integers(1, 7))
def test_nothing_is_lost_and_nothing_comes_twice(lines: list[str], step: int) -> None:
    text = "\n".join(lines)
    blocks = Blocks()
    found: list[Piece] = []
    for start in range(0, len(text), step):
        found += blocks.add(text[start : start + step])
        found += blocks.pause() if start % 5 == 4 else []
    found += blocks.finish()
    assert source_of(found).split() == text.split()


def test_a_block_is_given_when_the_next_one_begins_and_not_before() -> None:
    blocks = Blocks()
    assert blocks.add("One\nstill one\n\n#") == []
    assert blocks.add("hashtag is no heading\n") == [Prose("One\nstill one\n\n")]
    assert blocks.tail() == Prose("#hashtag is no heading\n")


def test_a_line_of_code_is_given_with_its_newline() -> None:
    blocks = Blocks()
    assert blocks.add("```py\nimport a\nimp") == [Fence("```py", opens=True), Code("import a\n", "py", "")]
    assert blocks.tail() == Code("imp", "py", "import a\n")
    assert blocks.add("ort b\n") == [Code("import b\n", "py", "import a\n")]


def test_code_that_never_closes_is_all_given() -> None:
    assert pieces_of("```\nx") == [Fence("```", opens=True), Code("x\n", "", "")]


def test_a_fence_takes_its_indentation_from_its_code() -> None:
    assert pieces_of("  ```\n  a\n    b\n  ```\n")[1] == Code("a\n  b\n", "", "")


def test_a_pause_gives_whole_words_and_goes_on_close_to_them() -> None:
    blocks = Blocks()
    blocks.add("some words and ha")
    assert blocks.pause() == [Prose("some words and ")]
    assert blocks.add("lf\n\nnext\n") == [Prose("half\n\n", joined=True)]


def test_a_pause_leaves_a_table_whole() -> None:
    blocks = Blocks()
    blocks.add("| a |\n|---|\n| 1 ")
    assert blocks.pause() == []


def test_a_long_text_in_one_piece_takes_no_longer_than_in_many() -> None:
    text = "".join(f"Paragraph {n}\n\n```\ncode\n```\n\n" for n in range(2000))
    assert len(pieces_of(text)) == 8000
