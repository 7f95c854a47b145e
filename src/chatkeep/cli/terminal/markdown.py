"""How the pieces of a reply look in a terminal."""

from typing import assert_never

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.markdown import CodeBlock, Heading, Markdown
from rich.segment import Segment
from rich.style import Style
from rich.syntax import Syntax
from rich.text import Text
from rich.theme import Theme

from chatkeep.cli.terminal.blocks import PARSER, Code, Fence, Piece, Prose
from chatkeep.cli.visible import visible

# The terminal's own colours and background, so that light and dark ones do.
_CODE_THEME = "ansi_dark"
THEME = Theme({"markdown.code": "bold cyan", "markdown.block_quote": "italic", "markdown.link_url": "underline"})
DIM = Style(dim=True)


class _LeftHeading(Heading):
    """All headings begin at the left: the middle moves when the width does."""

    LEVEL_ALIGN = dict.fromkeys(Heading.LEVEL_ALIGN, "left")


class _PlainCodeBlock(CodeBlock):
    """Code inside a list or a quotation."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _highlighted(str(self.text).rstrip(), self.lexer_name)


class _ReplyMarkdown(Markdown):
    """Markdown of a model's. Links show where they lead: what is hidden behind a text cannot be judged."""

    elements = Markdown.elements | {
        "heading_open": _LeftHeading,
        "fence": _PlainCodeBlock,
        "code_block": _PlainCodeBlock,
    }

    def __init__(self, source: str) -> None:
        super().__init__("", hyperlinks=False)
        self.parsed = PARSER.parse(source)


class Shown:
    """`inner`, with a stand-in for each control character that it would print, and no spaces at the ends of lines.

    Without these a line that was printed stays one line when the terminal gets narrower. `wraps`: lines that are too
    long are wrapped; else that is left to the terminal, so that they are copied from it as they are. Empty lines above
    and below are left out, unless it `keeps_lines`.
    """

    def __init__(self, inner: RenderableType, *, wraps: bool = True, keeps_lines: bool = False) -> None:
        self._inner = inner
        self._wraps = wraps
        self._keeps_lines = keeps_lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if not self._wraps:
            options = options.update(no_wrap=True, overflow="ignore")
        segments = [
            segment if segment.control else Segment(visible(segment.text), segment.style)
            for segment in console.render(self._inner, options)
        ]
        lines = [_trimmed(line) for line in Segment.split_lines(segments)]
        for line in lines if self._keeps_lines else _without_margins(lines):
            yield from line
            yield Segment.line()


def rendered(piece: Piece, *, wraps: bool = False) -> Shown:
    """The piece as it is printed, each line with its end. With `wraps` code is wrapped here too."""
    match piece:
        case Prose(source=source):
            return Shown(_ReplyMarkdown(source))
        case Fence(line=line):
            return Shown(Text(line, style=DIM), wraps=wraps)
        case Code(code=code, language=language, before=before):
            lines = _highlighted(before + code.removesuffix("\n"), language).split("\n", allow_blank=True)
            return Shown(Text("\n").join(lines[before.count("\n") :]), wraps=wraps, keeps_lines=True)
        case _:
            assert_never(piece)


def needs_space(piece: Piece, before: Piece | None) -> bool:
    """Whether an empty line stands between `piece` and the one before it."""
    match piece:
        case Prose(joined=joined):
            return before is not None and not joined
        case Fence(opens=opens):
            return before is not None and opens
        case Code():
            return False
        case _:
            assert_never(piece)


def one_line(text: str, style: Style | str = DIM) -> Shown:
    """The beginning of `text`, as far as a line of the terminal goes."""
    # Why cut: to fit a text into a line rich measures all of it.
    return Shown(Text(" ".join(text[:2000].split()), style=style, no_wrap=True, overflow="ellipsis"))


def _trimmed(line: list[Segment]) -> list[Segment]:
    """Without the spaces at its end, unless they are coloured."""
    kept = list(line)
    while kept and not (kept[-1].style and kept[-1].style.bgcolor) and not kept[-1].text.rstrip(" "):
        kept.pop()
    if kept and not (kept[-1].style and kept[-1].style.bgcolor):
        kept[-1] = Segment(kept[-1].text.rstrip(" "), kept[-1].style)
    return kept


def _without_margins(lines: list[list[Segment]]) -> list[list[Segment]]:
    """Without the empty ones at the beginning and at the end."""
    full = [place for place, line in enumerate(lines) if line]
    return lines[full[0] : full[-1] + 1] if full else []


def _highlighted(code: str, language: str) -> Text:
    syntax = Syntax("", language or "text", theme=_CODE_THEME, background_color="default")
    found = syntax.highlight(visible(code))
    # Workaround: rich ends what it highlights with a newline of its own, and a lexer may leave out empty lines.
    found.rstrip()
    missing = visible(code).count("\n") - found.plain.count("\n")
    return found.append("\n" * missing)
