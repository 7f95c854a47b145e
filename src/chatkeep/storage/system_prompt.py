"""The system prompt of new chats, kept in a file its owner can edit while the server runs."""

import contextlib
import time
from pathlib import Path

import structlog

from chatkeep.errors import StorageFailed
from chatkeep.storage.atomic import Identity, identity_of, storage_errors

_log = structlog.get_logger("chatkeep.system_prompt")

_LOOK_S = 1.0  # how often the file is looked at: several times a turn would be 60 µs
_DEFAULT = "You are a helpful AI assistant.\n"


class SystemPromptFile:
    """Call it for the prompt, without white space around it. A change of the file is seen within a second.

    Without `makes`, a file that is missing stays so, and the prompt is the default one.
    """

    def __init__(self, path: Path, *, makes: bool = True) -> None:
        self._path = path
        self._makes = makes
        self._identity: Identity | None = None
        self._next_look = 0.0
        self._text = _DEFAULT.strip()

    def start(self) -> None:
        """Make the file when it is missing. Raises: StorageFailed when it cannot be read."""
        with storage_errors(f"The system prompt file {self._path} cannot be used"):
            if self._makes:
                self._make()
            try:
                self._read()
            except UnicodeDecodeError as exc:
                raise StorageFailed(f"The system prompt file {self._path} is not UTF-8.") from exc

    def __call__(self) -> str:
        if time.monotonic() < self._next_look:
            return self._text
        self._next_look = time.monotonic() + _LOOK_S
        try:
            self._read()
        except (OSError, UnicodeDecodeError) as exc:
            _log.warning("system_prompt_unreadable", file=str(self._path), reason=str(exc))
        return self._text

    def _make(self) -> None:
        with contextlib.suppress(FileExistsError), self._path.open("x", encoding="utf-8") as file:
            file.write(_DEFAULT)

    def _read(self) -> None:
        if not self._makes and not self._path.exists():
            return
        identity = identity_of(self._path.stat())
        if identity != self._identity:
            self._text = self._path.read_text(encoding="utf-8").strip()
            self._identity = identity
