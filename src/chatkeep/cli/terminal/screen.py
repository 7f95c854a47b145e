"""The terminal as it is written to: what is printed for good scrolls away, and below it a tail is drawn anew."""

import contextlib
import sys
import termios
from collections.abc import Iterator, Sequence

from rich.console import Console, Group, RenderableType
from rich.control import Control
from rich.segment import ControlType, Segment, Segments
from rich.text import Text

from chatkeep.cli.terminal.markdown import DIM, THEME
from chatkeep.cli.visible import visible

_ROWS_LEFT = 2  # of the terminal that a tail never takes: a line that the terminal wraps must not scroll it away


def new_console() -> Console:
    """The terminal at standard output; what is printed is neither markup nor looked through for numbers."""
    return Console(theme=THEME, markup=False, emoji=False, highlight=False)


class Screen:
    """Prints to `console`. Nothing but a tail is ever erased."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._tail_rows = 0

    def print(self, *renderables: RenderableType) -> None:
        """Print for good."""
        self.draw(renderables, [])

    def note(self, text: str) -> None:
        """Something beside the chat."""
        self.print(Text(visible(text), style=DIM))

    def error(self, text: str) -> None:
        """What went wrong."""
        self.print(Text(visible(text), style="red"))

    def draw(self, finished: Sequence[RenderableType], tail: Sequence[RenderableType]) -> None:
        """Print `finished` for good in the place of the tail, and `tail` below, in one write.

        Of a tail that is higher than the terminal the end is drawn, and none where nothing can be erased (TERM=dumb).
        """
        with self.console:
            self._erase()
            for renderable in finished:
                self.console.print(renderable, crop=False)  # a long line of code is for the terminal to wrap
            if tail and not self.console.is_dumb_terminal:
                self._draw_tail(Group(*tail))

    def write(self, sequence: str) -> None:
        """Send the terminal a control sequence of our own."""
        self.console.file.write(sequence)
        self.console.file.flush()

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """While a tail is drawn there is no cursor."""
        self.console.show_cursor(False)
        try:
            yield
        finally:
            self.draw([], [])
            self.console.show_cursor(True)

    def _erase(self) -> None:
        if not self._tail_rows:
            return
        up = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * (self._tail_rows - 1)
        self.console.control(Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2), *up))
        self._tail_rows = 0

    def _draw_tail(self, tail: RenderableType) -> None:
        lines = self.console.render_lines(tail, pad=False)[-max(1, self.console.height - _ROWS_LEFT) :]
        segments = [segment for line in lines for segment in (Segment.line(), *line)][1:]
        self.console.print(Segments(segments), crop=False)
        self._tail_rows = len(lines)


@contextlib.contextmanager
def silent_keys() -> Iterator[None]:
    """Keys do not show, and wait as they were typed for who reads the terminal next. Ctrl-C remains a signal."""
    if not sys.stdin.isatty():
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    silent = termios.tcgetattr(sys.stdin)
    silent[0] &= ~termios.ICRNL  # else Enter becomes Ctrl-J, which is a newline in the prompt
    silent[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(sys.stdin, termios.TCSADRAIN, silent)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
