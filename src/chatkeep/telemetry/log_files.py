"""`app.log` and `error.log` in a folder: rotated, and written by a thread of their own."""

import contextlib
import logging
import os
import queue
import sys
import threading
from functools import partial
from io import TextIOWrapper
from logging.handlers import QueueListener, RotatingFileHandler
from pathlib import Path

import msgspec

from chatkeep.chat.model import now
from chatkeep.errors import ChatkeepError

_FILE_BYTES = 10_000_000  # of one file, then it is put aside
_KEPT_FILES = 5  # that were put aside, of each of the two logs
_MOST_WAITING = 5000  # lines in memory while the disk is slow; further ones are dropped and counted
_PACE_S = 0.1  # how long lines gather: one wake-up of the thread writes them all
_CLOSING_S = 3.0  # how long the last lines may take


class LogFiles(QueueListener):
    """The two logs of one folder: `app.log` takes every line, `error.log` those of errors and worse.

    Never stops whoever logs: when the disk is slow or full, lines are dropped, and their number is written
    when it goes on.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder and open both files. Raises: ChatkeepError."""
        self._lines: queue.SimpleQueue[_Line | None] = queue.SimpleQueue()
        opened: list[_LogFile] = []
        try:
            folder.mkdir(parents=True, exist_ok=True)
            opened.append(_LogFile(folder / "app.log", logging.NOTSET))
            opened.append(_LogFile(folder / "error.log", logging.ERROR))
        except OSError as exc:
            for handler in opened:
                handler.close()
            raise ChatkeepError(f"CHATKEEP_LOG_DIR: the log folder {folder} cannot be used: {exc.strerror}.") from exc
        super().__init__(self._lines, *opened, respect_handler_level=True)
        self._stopping = threading.Event()
        self._dropped = 0
        self.start()

    def put(self, level: int, text: str) -> None:
        """Have one JSON line written soon. Safe in every thread."""
        if self._lines.qsize() >= _MOST_WAITING:
            self._dropped += 1
            return
        self._lines.put((level, text))
        if self._dropped:
            count, self._dropped = self._dropped, 0
            note = {"event": "log_lines_dropped", "count": count, "level": "warning", "timestamp": now()}
            self._lines.put((logging.WARNING, msgspec.json.encode(note).decode()))

    def stop(self) -> None:
        """Write what is waiting, within a few seconds, and close both files."""
        self._stopping.set()
        self.enqueue_sentinel()
        assert self._thread is not None
        self._thread.join(_CLOSING_S)
        if self._thread.is_alive():  # the disk hangs; the thread ends with the process
            return
        for handler in self.handlers:
            handler.close()

    def dequeue(self, block: bool) -> "_Line | None":  # type: ignore[override]
        """The next line, after a rest when there was none left."""
        if self._lines.empty():
            self._stopping.wait(_PACE_S)
        return self._lines.get(block)

    def prepare(self, line: "_Line") -> logging.LogRecord:  # type: ignore[override]
        """`line` as the handlers of the standard library want it."""
        level, text = line
        return logging.LogRecord("chatkeep", level, "", 0, text, None, None)


_Line = tuple[int, str]  # level and text


class _LogFile(RotatingFileHandler):
    """Says once that it cannot be written, and not again before it could."""

    def __init__(self, path: Path, level: int) -> None:
        super().__init__(path, maxBytes=_FILE_BYTES, backupCount=_KEPT_FILES, encoding="utf-8")
        self.setLevel(level)
        self._failed = False
        self._told = False

    def _open(self) -> TextIOWrapper:
        """As the library's, and for its owner alone: it holds names, ids and addresses."""
        opener = partial(os.open, mode=0o600)
        return open(self.baseFilename, "a", encoding=self.encoding, opener=opener)

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self._failed = False
        super().emit(record)
        self._told = self._told and self._failed

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002 - the standard library's
        """Called within `except`."""
        self._failed = True
        if not self._told:
            self._told = True
            error = sys.exc_info()[1]
            with contextlib.suppress(OSError, ValueError):  # standard error may be gone too
                print(f"chatkeep: {self.baseFilename} cannot be written: {error}", file=sys.stderr)  # noqa: T201
