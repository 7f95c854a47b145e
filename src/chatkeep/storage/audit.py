"""The audit log, `.chatkeep/audit.jsonl`: who did what, a line each, only ever appended to. No text of anybody."""

import os
from collections import deque
from pathlib import Path

import msgspec
import structlog

from chatkeep.access.audit import AuditEntry
from chatkeep.errors import StorageFailed
from chatkeep.storage.atomic import own_alike, write_all
from chatkeep.storage.folder import Folder

_log = structlog.get_logger("chatkeep.audit")

_encoder = msgspec.json.Encoder()
_READ_BACK_BYTES = 8 * 1024 * 1024  # of the end of the file that a view looks through


class AuditLog:
    """The audit log of one data folder. Implements AuditTrail."""

    def __init__(self, root: Path) -> None:
        self._path = Folder(root).audit

    def append(self, entry: AuditEntry) -> None:
        # Why opened each time: it may be moved away by whoever archives it, and 15 µs are few for an act.
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            try:
                size = os.fstat(descriptor).st_size
                if not size:
                    own_alike(self._path, self._path.parent)
                write_all(descriptor, _missing_end(descriptor, size) + _encoder.encode(entry) + b"\n")
            finally:
                os.close(descriptor)
        except OSError as exc:
            _log.error("audit_not_written", error=str(exc), who=entry.who, what=entry.what)

    def newest(self, limit: int) -> list[AuditEntry]:
        try:
            with self._path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(0, size - _READ_BACK_BYTES))
                if size > _READ_BACK_BYTES:
                    file.readline()
                lines = deque(file, maxlen=limit)
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise StorageFailed(f"The audit log cannot be read: {exc.strerror}.") from exc
        return [entry for line in reversed(lines) if (entry := _entry(line)) is not None]


def _missing_end(descriptor: int, size: int) -> bytes:
    """The line break that a kill or a full disk kept from the last line: what is lost is that line and not the next."""
    return b"\n" if size and os.pread(descriptor, 1, size - 1) != b"\n" else b""


def _entry(line: bytes) -> AuditEntry | None:
    """None for a line that a kill or a full disk cut."""
    try:
        return msgspec.json.decode(line, type=AuditEntry)
    except ValueError:  # of msgspec, and of bytes that are not UTF-8
        return None
