"""The journals of runs: `runs/<run>.jsonl`, its record in the first line and then an event a line."""

import asyncio
import contextlib
import os
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

from chatkeep.chat.events import JournalLine
from chatkeep.chat.ports import RunRecord
from chatkeep.errors import StorageFailed
from chatkeep.storage.atomic import storage_errors, sync_folder, write_all

T = TypeVar("T")

_RUN_ID = re.compile(r"[A-Za-z0-9_]{1,64}")  # what may become part of a path

_log = structlog.get_logger("chatkeep.journal")

_encoder = msgspec.json.Encoder()
_record = msgspec.json.Decoder(RunRecord)
_line = msgspec.json.Decoder(JournalLine)


class FileRunLog:
    """Implements RunLog in one folder. A finished journal is kept `kept_s` seconds after its last event."""

    def __init__(self, folder: Path, executor: Executor, kept_s: float) -> None:
        self._folder = folder
        self._executor = executor
        self._kept_s = kept_s
        self._open: dict[str, _Journal] = {}
        self._making: set[str] = set()

    async def create(self, record: RunRecord, lines: bytes) -> None:
        self._making.add(record.run_id)
        try:
            self._open[record.run_id] = await self._in_thread(self._create, record, lines)
        finally:
            self._making.discard(record.run_id)

    async def append(self, lines: Mapping[str, bytes], last: Collection[str]) -> dict[str, StorageFailed]:
        # Why not in a thread: these writes end in the kernel's cache and are not synced, a few µs each, where a
        # thread costs 150 µs and two wake-ups. Decision 5.
        return self._append(lines, last)

    async def read(self, run_id: str) -> tuple[RunRecord, list[JournalLine]] | None:
        return await self._in_thread(self._read, run_id)

    async def unfinished(self) -> Sequence[tuple[RunRecord, list[JournalLine]]]:
        return await self._in_thread(self._unfinished)

    async def discard(self, run_ids: Collection[str]) -> None:
        # Race: closed here and not in the thread, so that no append can meet a descriptor that is another's by now.
        for run_id in run_ids:
            if journal := self._open.pop(run_id, None):
                journal.close()
        await self._in_thread(self._unlink, run_ids)

    async def remove_expired(self) -> None:
        """Remove the journals of runs that finished longer ago than they are kept."""
        await self._in_thread(self._remove_expired)

    def close(self) -> None:
        """Release what is held for writing."""
        for journal in self._open.values():
            journal.close()
        self._open.clear()

    async def _in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, call, *arguments)

    def _path(self, run_id: str) -> Path:
        return self._folder / f"{run_id}.jsonl"

    def _create(self, record: RunRecord, lines: bytes) -> "_Journal":
        path = self._path(record.run_id)
        with storage_errors("The message could not be written to the disk"):
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                whole = b"%s\n%s" % (_encoder.encode(record), lines)
                write_all(descriptor, whole)
                os.fsync(descriptor)
                sync_folder(self._folder)
            except BaseException:
                os.close(descriptor)
                with contextlib.suppress(OSError):
                    path.unlink()
                raise
        return _Journal(descriptor, len(whole))

    def _append(self, lines: Mapping[str, bytes], last: Collection[str]) -> dict[str, StorageFailed]:
        failed: dict[str, StorageFailed] = {}
        for run_id, data in lines.items():
            journal = self._open.get(run_id)
            if journal is None:  # discarded with its chat
                continue
            try:
                journal.append(data)
            except StorageFailed as exc:
                failed[run_id] = exc
                continue
            if run_id in last:
                self._open.pop(run_id).close()
        return failed

    def _read(self, run_id: str) -> tuple[RunRecord, list[JournalLine]] | None:
        if not _RUN_ID.fullmatch(run_id):
            return None
        path = self._path(run_id)
        try:
            with storage_errors(f"The journal of run {run_id} cannot be read"):
                age_s = time.time() - path.stat().st_mtime
                data = path.read_bytes()
        except StorageFailed as exc:
            if isinstance(exc.__cause__, FileNotFoundError):
                return None
            raise
        kept = parse_journal(data)
        if kept is None or (_is_finished(kept[1]) and age_s > self._kept_s):
            return None
        return kept[0], kept[1]

    def _unfinished(self) -> list[tuple[RunRecord, list[JournalLine]]]:
        found: list[tuple[RunRecord, list[JournalLine]]] = []
        for path in sorted(self._folder.glob("*.jsonl")):
            with storage_errors(f"The journal {path.name} cannot be read"):
                data = path.read_bytes()
            kept = parse_journal(data)
            if kept is None:
                self._set_aside(path, data)
                continue
            record, lines, whole = kept
            if not _is_finished(lines):
                with storage_errors(f"The journal {path.name} cannot be written"):
                    self._open[record.run_id] = _Journal.reopen(path, whole)
                found.append((record, lines))
        return sorted(found, key=lambda pair: (pair[0].created_at, pair[0].run_id))

    def _set_aside(self, path: Path, data: bytes) -> None:
        """Deal with a journal without a record: one that was never whole was never acknowledged, another is kept."""
        whole = b"\n" in data
        _log.error("journal_unreadable", file=path.name, kept=whole)
        with contextlib.suppress(OSError):
            if whole:
                path.rename(path.with_suffix(".unreadable"))
            else:
                path.unlink()

    def _unlink(self, run_ids: Collection[str]) -> None:
        for run_id in run_ids:
            with contextlib.suppress(OSError):
                self._path(run_id).unlink()

    def _remove_expired(self) -> None:
        oldest = time.time() - self._kept_s
        for path in self._folder.glob("*.jsonl"):
            with contextlib.suppress(OSError):
                if path.stem not in self._making and path.stem not in self._open and path.stat().st_mtime < oldest:
                    path.unlink()


class _Journal:
    """One journal open for appending; `length` is how much of it is whole lines, in bytes."""

    def __init__(self, descriptor: int, length: int) -> None:
        self._descriptor = descriptor
        self._length = length

    @classmethod
    def reopen(cls, path: Path, length: int) -> "_Journal":
        """Open an earlier process's journal and cut off the line it died in. Raises: OSError."""
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        os.ftruncate(descriptor, length)
        return cls(descriptor, length)

    def append(self, data: bytes) -> None:
        """Append whole lines, all or none. Raises: StorageFull, StorageFailed."""
        with storage_errors("The reply could not be written to the disk"):
            try:
                write_all(self._descriptor, data)
            except OSError:
                os.ftruncate(self._descriptor, self._length)
                raise
        self._length += len(data)

    def close(self) -> None:
        """Release the file."""
        os.close(self._descriptor)


def parse_journal(data: bytes) -> tuple[RunRecord, list[JournalLine], int] | None:
    """The record, the events, and the length of what is whole in bytes; None when not even the record is."""
    whole = data[: data.rfind(b"\n") + 1]
    first, *rest = whole.splitlines(keepends=True) if whole else [b""]
    try:
        record = _record.decode(first)
    except (ValueError, RecursionError):  # of msgspec, and of bytes that are not UTF-8
        return None
    lines: list[JournalLine] = []
    length = len(first)
    for number, text in enumerate(rest):
        # Why: after a power cut a file may hold blocks that were never written; what follows them is void.
        try:
            line = _line.decode(text)
            line.decoded()
        except (ValueError, KeyError, RecursionError):
            break
        if line.id != number:
            break
        lines.append(line)
        length += len(text)
    return record, lines, length


def _is_finished(lines: Sequence[JournalLine]) -> bool:
    return bool(lines) and lines[-1].is_last
