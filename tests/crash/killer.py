"""`killer.py CONTROL ARGUMENTS…` is `chatkeep ARGUMENTS…`, killed at a chosen point of its work in the data folder.

The points are the calls that change a file there, or sync one: named by the call, what it is done to and, for
a journal, the last event written (`write journal done`); `write journal header` begins one. What happens is in
the file CONTROL, which is looked at before each such call, so that it can be made or changed while the server runs:

    missing                 nothing; counting begins anew when it comes or changes
    `list`                  each point is added to the file CONTROL.points, a line each
    `SIDE NUMBER POINT`     at the call of that number (from 1) of those named POINT, the process is
                            killed with SIGKILL: `before` it, `after` it, or `during` it, half written
"""

import json
import os
import signal
import sqlite3
import sys
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

_FOLDERS = ("runs", "trash", "generations", "tmp")


class Killer:
    """Names and counts the points of one process."""

    def __init__(self, control: Path, folder: Path) -> None:
        self._control = control
        self._listed = control.with_name(f"{control.name}.points")
        self._folder = str(folder.absolute())
        self._paths: dict[int, str] = {}
        self._order = ""
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._write = os.write  # the true ones, before they are wrapped
        self._open = os.open
        self._close = os.close

    def install(self) -> None:
        """Wrap the calls."""
        os.open = self.open
        os.close = self.close  # type: ignore[assignment]  # its parameter has another name
        os.write = self.write
        os.pwrite = self._of_descriptor("write", os.pwrite)
        os.fsync = self._of_descriptor("sync", os.fsync)
        os.ftruncate = self._of_descriptor("truncate", os.ftruncate)
        os.replace = self._of_path("replace", os.replace)
        os.link = self._of_path("link", os.link)
        os.unlink = self._of_path("unlink", os.unlink)
        os.mkdir = self._of_path("mkdir", os.mkdir)
        killer = self

        class Connection(sqlite3.Connection):
            """Commits are points too."""

            def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
                call = super().execute
                if sql == "COMMIT":
                    return killer._at("commit index", lambda: call(sql, *arguments))
                return call(sql, *arguments)

        connect = sqlite3.connect
        sqlite3.connect = lambda *a, **k: connect(*a, factory=Connection, **k)  # type: ignore[assignment]

    def open(self, path: Any, flags: int, *arguments: Any, **named: Any) -> int:
        """os.open: a point when it may make the file."""
        where = os.fspath(path)

        def call() -> int:
            descriptor = self._open(path, flags, *arguments, **named)
            self._paths[descriptor] = where
            return descriptor

        subject = self._subject(where) if flags & os.O_CREAT else None
        return self._at(f"open {subject}", call) if subject else call()

    def close(self, descriptor: int) -> None:
        """os.close."""
        self._paths.pop(descriptor, None)
        self._close(descriptor)

    def write(self, descriptor: int, content: Any) -> int:
        """os.write: it can be killed half done."""
        subject = self._subject(self._paths.get(descriptor, ""))
        if subject is None:
            return self._write(descriptor, content)
        if subject == "journal":
            subject = f"journal {_last_event(bytes(content))}"
        half = bytes(content)[: len(content) // 2]
        return self._at(
            f"write {subject}",
            lambda: self._write(descriptor, content),
            lambda: self._write(descriptor, half),
        )

    def _of_descriptor(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(descriptor: int, *arguments: Any) -> Any:
            subject = self._subject(self._paths.get(descriptor, ""))
            if subject is None:
                return call(descriptor, *arguments)
            return self._at(f"{name} {subject}", lambda: call(descriptor, *arguments))

        return wrapped

    def _of_path(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(path: Any, *arguments: Any, **named: Any) -> Any:
            subject = self._subject(os.fspath(path))
            if subject is None:
                return call(path, *arguments, **named)
            return self._at(f"{name} {subject}", lambda: call(path, *arguments, **named))

        return wrapped

    def _subject(self, path: str | bytes) -> str | None:
        """What the file or folder at `path` is, None when it is not in the data folder."""
        if not isinstance(path, str) or not (path + "/").startswith(self._folder + "/"):
            return None
        return _name_of(Path(path).relative_to(self._folder).parts)

    def _at(self, point: str, call: Callable[[], T], half: Callable[[], object] | None = None) -> T:
        side = self._side(point)
        if side == "before":
            _die()
        if side == "during" and half is not None:
            half()
            _die()
        answer = call()
        if side == "after":
            _die()
        return answer

    def _side(self, point: str) -> str | None:
        """On which side of this call the process is killed, None when not at all."""
        with self._lock:
            try:
                order = self._control.read_text()
            except FileNotFoundError:
                return None
            if order != self._order:
                self._order = order
                self._counts.clear()
            self._counts[point] += 1
            if order == "list":
                with self._listed.open("a") as listed:
                    listed.write(point + "\n")
                return None
            side, number, name = order.split(" ", 2)
            return side if name == point and int(number) == self._counts[point] else None


def _last_event(content: bytes) -> str:
    """The name of the last event in a piece of a journal; `header` for the piece it begins with."""
    first, *_, last = [json.loads(line) for line in content.splitlines()] * 2
    return str(last["event"]) if "event" in first else "header"


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _name_of(parts: tuple[str, ...]) -> str:
    match parts:
        case ():
            return "chats-folder"
        case (".chatkeep",):
            return "own-folder"
        case (".chatkeep", "runs", _):
            return "journal"
        case (".chatkeep", "quarantine", *_):
            return "quarantine"
        case (".chatkeep", "tmp", name):
            return _name_of_new(name)
        case (".chatkeep", "trash" | "generations", *_, name) if "~" in name:
            return _name_of_earlier(parts)
        case (".chatkeep", *_, name):
            return name if "." in name else f"{name}-folder" if name in _FOLDERS else name
        case _:
            return "chat"


def _name_of_new(name: str) -> str:
    if name.startswith("keys.json"):
        return "new-keys"
    return "probe" if name.startswith("probe-") else "transcript"


def _name_of_earlier(parts: tuple[str, ...]) -> str:
    if parts[1] == "generations":
        return "generation"
    return "trashed-generation" if parts[2] == "generations" else "trash-entry"


def main() -> None:
    control, arguments = Path(sys.argv[1]), sys.argv[2:]
    folder = Path(arguments[arguments.index("--chats-dir") + 1])
    Killer(control, folder).install()
    # Why: only now, so that the wrapped calls are those that are imported by name too.
    from chatkeep.cli.main import main as chatkeep  # noqa: PLC0415

    sys.argv = ["chatkeep", *arguments]
    chatkeep()


if __name__ == "__main__":
    main()
