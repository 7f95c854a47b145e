"""Cut a Markdown text that still grows into pieces that will not change any more.

CommonMark decides line by line which blocks there are, and a line never changes a block that a later one has followed
(CommonMark 0.31, appendix "A parsing strategy", phase 1). So a block is finished when a further one begins after it, an
item of a list when a further item does, and a line of code when it has its newline.
"""

import itertools
import re
from typing import NamedTuple

from markdown_it import MarkdownIt

PARSER = MarkdownIt("commonmark", {"html": False}).enable(["strikethrough", "table"]).disable("reference")
"""Leaves nothing out: tags and definitions of links are shown as they were written."""

_MOST_CONTEXT_LINES = 400  # of code above what is highlighted: bounds the work a line
_LINES_AT_ONCE = 50  # bounds how often a long text is parsed that comes in one piece
_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_FENCE = re.compile(r"(?P<marks>`{3,}|~{3,})[ \t]*")


class Prose(NamedTuple):
    """One block that is no code, or an item of a list, as Markdown. `joined`: it stands close to the one before it."""

    source: str
    joined: bool = False


class Fence(NamedTuple):
    """The line that opens or closes a block of code."""

    line: str
    opens: bool


class Code(NamedTuple):
    """Lines of code. `before` is what stands above them in the block, as far as it matters."""

    code: str
    language: str
    before: str


Piece = Prose | Fence | Code


class _OpenFence(NamedTuple):
    marks: str
    indent: int
    language: str


class _Start(NamedTuple):
    """Where a block begins, or an item of a list."""

    line: int
    is_fence: bool = False
    is_next_item: bool = False


class Blocks:
    """The pieces of a growing text, each given once and in order."""

    def __init__(self) -> None:
        self._rest = ""
        self._fence: _OpenFence | None = None
        self._before: list[str] = []
        self._joined = False

    def add(self, text: str) -> list[Piece]:
        """The pieces that `text` finishes."""
        found: list[Piece] = []
        lines = _LINE.findall(text)
        for first in range(0, len(lines), _LINES_AT_ONCE):
            taken = "".join(lines[first : first + _LINES_AT_ONCE])
            self._rest += taken
            if "\n" in taken:
                while pieces := self._take_code() if self._fence else self._take_blocks():
                    found += pieces
        return found

    def tail(self) -> Prose | Code | None:
        """What is not finished yet, as it is now."""
        if not self._rest.strip():
            return None
        if self._fence is not None:
            return Code(_unindented(self._rest, self._fence.indent), self._fence.language, "".join(self._before))
        return Prose(self._rest, self._joined)

    def finish(self) -> list[Piece]:
        """All that is left, when nothing comes any more."""
        found = self.add("\n") if self._rest else []
        if self._rest.strip():
            found.append(Prose(self._rest, self._joined))
        self._rest = ""
        return found

    def pause(self) -> list[Piece]:
        """What can be shown already of what is not finished, up to a space; the rest comes later."""
        cut = max(self._rest.rfind(" "), self._rest.rfind("\n")) + 1
        shown = self._rest[:cut]
        if self._fence is not None or not shown.strip() or PARSER.parse(shown)[0].type == "table_open":
            return []
        found = Prose(shown, self._joined)
        self._rest, self._joined = self._rest[cut:], True
        return [found]

    def _take_blocks(self) -> list[Piece]:
        """The finished blocks up to the next fence, and the line that opens that."""
        lines = _LINE.findall(self._rest)
        whole = [line for line in lines if line.endswith("\n")]
        starts = _starts("".join(whole))
        found: list[Piece] = []
        taken = 0
        for start, following in itertools.zip_longest(starts, starts[1:]):
            if start.is_fence:
                found.append(self._open(whole[start.line]))
                taken = start.line + 1
                break
            if following is not None:
                found.append(Prose("".join(whole[taken : following.line]), self._joined))
                self._joined = following.is_next_item
                taken = following.line
        self._rest = "".join(lines[taken:])
        return found

    def _open(self, line: str) -> Fence:
        shown = line.strip()
        found = _FENCE.match(shown)
        assert found is not None
        language = shown[found.end() :].partition(" ")[0]
        self._fence = _OpenFence(found["marks"], len(line) - len(line.lstrip(" ")), language)
        self._before, self._joined = [], False
        return Fence(shown, opens=True)

    def _take_code(self) -> list[Piece]:
        """The whole lines of code, and the line that closes the block."""
        assert self._fence is not None
        fence = self._fence
        lines = _LINE.findall(self._rest)
        whole = [line for line in lines if line.endswith("\n")]
        end = next((place for place, line in enumerate(whole) if _closes(line, fence)), len(whole))
        found: list[Piece] = []
        if end:
            code = [_unindented(line, fence.indent) for line in whole[:end]]
            found.append(Code("".join(code), fence.language, "".join(self._before)))
            self._before = [*self._before, *code][-_MOST_CONTEXT_LINES:]
        if end < len(whole):
            found.append(Fence(whole[end].strip(), opens=False))
            self._fence, end = None, end + 1
        self._rest = "".join(lines[end:])
        return found


def _starts(source: str) -> list[_Start]:
    """Where each block begins, and each item of a list, in the order of the lines."""
    found: list[_Start] = []
    is_next_item = False
    for token in PARSER.parse(source):
        if token.map is None:
            continue
        if token.type == "list_item_open" and token.level == 1:
            found.append(_Start(token.map[0], is_next_item=is_next_item))
            is_next_item = True
        elif token.level == 0:
            is_next_item = False
            if not token.type.endswith("list_open"):
                found.append(_Start(token.map[0], is_fence=token.type == "fence"))
    return found


def _closes(line: str, fence: _OpenFence) -> bool:
    """CommonMark, section 4.5: at most three spaces before it, and at least as many of the same marks."""
    found = _FENCE.fullmatch(line.strip())
    return found is not None and found["marks"].startswith(fence.marks) and not line.startswith(("    ", "\t"))


def _unindented(line: str, indent: int) -> str:
    """A line of code without the spaces that its fence has before it (CommonMark, section 4.5)."""
    return line[min(indent, len(line) - len(line.lstrip(" "))) :]
