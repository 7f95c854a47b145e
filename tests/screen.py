"""`chatkeep` in a terminal of its own, whose screen is read as a person would: pyte draws it."""

import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Self

import pyte

from tests.server import DEADLINE_S, clean_environment

ENTER, NEWLINE, CTRL_C, CTRL_D, TAB = "\r", "\n", "\x03", "\x04", "\t"
UP, ALT_ENTER = "\x1b[A", "\x1b\r"


class Screen:
    """A command in a terminal of `columns` by `rows`. `raw` is all that it wrote."""

    def __init__(
        self,
        *arguments: str,
        cwd: Path,
        columns: int = 80,
        rows: int = 24,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._near, far = pty.openpty()
        self._drawn = pyte.HistoryScreen(columns, rows, history=10_000, ratio=0.01)
        self._drawn.write_process_input = self.type  # type: ignore[method-assign,assignment]  # how pyte answers
        self._stream = pyte.ByteStream(self._drawn)
        self.raw = b""
        self._prompted = -1
        self._set_size(columns, rows)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "chatkeep", *arguments],
            env=clean_environment({"TERM": "xterm-256color", "LANG": "C.UTF-8", **(environment or {})}),
            cwd=cwd,
            stdin=far,
            stdout=far,
            stderr=far,
            preexec_fn=_take_terminal,  # noqa: PLW1509 - it takes no lock
            start_new_session=True,
        )
        os.close(far)

    @property
    def lines(self) -> list[str]:
        """All lines that were written, also those that have scrolled away, without spaces at their ends."""
        above = ["".join(row[column].data for column in range(self._drawn.columns)) for row in self._drawn.history.top]
        return [line.rstrip() for line in [*above, *self._drawn.display]]

    @property
    def text(self) -> str:
        """The same as one text, without the empty lines at its end."""
        return "\n".join(self.lines).rstrip()

    def type(self, keys: str) -> None:
        """Press keys."""
        os.write(self._near, keys.encode())

    def until(self, condition: Callable[[Self], object]) -> Self:
        """Read on until it holds."""
        deadline = time.monotonic() + DEADLINE_S
        while not condition(self):
            assert time.monotonic() < deadline, f"it did not come:\n{self.text}"
            assert self._read(0.5) or self.process.poll() is None, f"it ended before:\n{self.text}"
        return self

    def shows(self, *texts: str) -> Self:
        """Read on until all of them stand there."""
        return self.until(lambda screen: all(text in screen.text for text in texts))

    def prompts(self, mark: str) -> Self:
        """Read on until the cursor stands behind that mark, further below than at the last call."""
        self.until(lambda screen: screen.line.rstrip() == mark.rstrip() and screen.row > self._prompted)
        self._prompted = self.row
        return self

    @property
    def row(self) -> int:
        """In which line the cursor stands, counted from the first one that was written."""
        return len(self._drawn.history.top) + self._drawn.cursor.y

    @property
    def line(self) -> str:
        """The line with the cursor, up to it."""
        return self._drawn.display[self._drawn.cursor.y][: self._drawn.cursor.x]

    def resize(self, columns: int) -> None:
        """Make the terminal wider or narrower. Limit: pyte does not wrap anew what stands there."""
        self._drawn.resize(columns=columns)
        self._set_size(columns, self._drawn.lines)

    def ends(self) -> int:
        """Read on until the command has ended; its exit code."""
        while self._read(0.05) or self.process.poll() is None:
            pass
        return self.process.wait(DEADLINE_S)

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self._near)

    def _read(self, wait_s: float) -> bool:
        """Draw what has come; false when nothing did."""
        readable, _, _ = select.select([self._near], [], [], wait_s)
        if not readable:
            return False
        piece = b""
        with contextlib.suppress(OSError):  # Linux: EIO when nobody holds the other end
            piece = os.read(self._near, 65536)
        self.raw += piece
        self._stream.feed(piece)
        return bool(piece)

    def _set_size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._near, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


@contextlib.contextmanager
def on_screen(
    *arguments: str, cwd: Path, columns: int = 80, rows: int = 24, environment: Mapping[str, str] | None = None
) -> Iterator[Screen]:
    """`chatkeep …` in a terminal, until the end of the `with`."""
    with contextlib.closing(Screen(*arguments, cwd=cwd, columns=columns, rows=rows, environment=environment)) as screen:
        yield screen


def _take_terminal() -> None:
    """Make standard input the terminal whose Ctrl-C is a signal to this process: tty_ioctl(4)."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
