"""The command `chatkeep` as a child process: in a pipe, or in a terminal of its own."""

import contextlib
import os
import pty
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from tests.server import DEADLINE_S, clean_environment


def chatkeep(
    *arguments: str,
    chats_dir: Path | None = None,
    cwd: Path,
    environment: Mapping[str, str] | None = None,
    stdin: str = "",
) -> subprocess.CompletedProcess[str]:
    """`chatkeep …` in `cwd`, with pipes on all sides; with `--chats-dir` when there is one."""
    return subprocess.run(
        line_of(*arguments, chats_dir=chats_dir),
        env=clean_environment(environment or {}),
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=3 * DEADLINE_S,
    )


def line_of(*arguments: str, chats_dir: Path | None = None) -> list[str]:
    """The words of that command."""
    folder = ["--chats-dir", str(chats_dir)] if chats_dir is not None else []
    return [sys.executable, "-m", "chatkeep", *arguments, *folder]


def json_of(done: subprocess.CompletedProcess[str]) -> Any:
    """What it printed, which is one JSON document and nothing else."""
    assert done.returncode == 0, done.stderr
    return msgspec.json.decode(done.stdout)


class Terminal:
    """A command in a terminal of 100 columns; `screen` is what it wrote, all of it."""

    def __init__(self, arguments: list[str], cwd: Path, environment: Mapping[str, str]) -> None:
        self._near, far = pty.openpty()
        self.screen = ""
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *arguments],  # so that Ctrl-C is a signal
            env=clean_environment({"TERM": "xterm-256color", "COLUMNS": "100", "LINES": "50", **environment}),
            cwd=cwd,
            stdin=far,
            stdout=far,
            stderr=far,
        )
        os.close(far)

    def read_until(self, text: str) -> None:
        """Return when `text` has been written."""
        while text not in self.screen:
            assert self._read(), f"it ended without {text!r}:\n{self.screen}"

    def read_all(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        return self.process.wait(DEADLINE_S)

    def write(self, text: str) -> None:
        """Type."""
        os.write(self._near, text.encode())

    def interrupt(self) -> int:
        """Type Ctrl-C; the exit code.

        Why perhaps twice: one that comes just before Python begins to wait for input is seen only after that.
        """
        self.write("\x03")
        self.read_until("^C")  # the terminal's echo
        if not select.select([self._near], [], [], DEADLINE_S / 4)[0]:
            self.write("\x03")
        return self.read_all()

    def close(self) -> None:
        """Leave nothing behind."""
        self.process.kill()
        self.process.wait()
        os.close(self._near)

    def _read(self) -> bool:
        piece = b""
        readable, _, _ = select.select([self._near], [], [], DEADLINE_S)
        assert readable, f"it says nothing more:\n{self.screen}"
        with contextlib.suppress(OSError):  # Linux: EIO when nobody holds the other end
            piece = os.read(self._near, 65536)
        self.screen += piece.decode(errors="replace")
        return bool(piece)


@contextlib.contextmanager
def in_terminal(
    *arguments: str, chats_dir: Path, cwd: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """`chatkeep …` in a terminal, until the end of the `with`."""
    with contextlib.closing(Terminal(line_of(*arguments, chats_dir=chats_dir), cwd, environment or {})) as terminal:
        yield terminal
