"""Check what chatkeep keeps for itself in `.chatkeep`: trash, generations, keys, sessions, and what was lost there."""

import os
import re
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from chatkeep.access.audit import AuditEntry
from chatkeep.access.sessions import Session
from chatkeep.errors import StorageFailed
from chatkeep.storage.atomic import modified_at, read_regular
from chatkeep.storage.checking.finding import Code, Fault, Finding
from chatkeep.storage.checking.journals import check_journal_file
from chatkeep.storage.checking.quarantine import Quarantine
from chatkeep.storage.checking.scope import Scope
from chatkeep.storage.codec import NotAChat, decode_chat
from chatkeep.storage.keys import KeyFile

_Check = Callable[[Scope, Path, os.stat_result], Iterator[Finding]]

_NUMBERED = re.compile(r"[A-Za-z0-9_-]{1,128}~[0-9]{1,20}\.json\Z")  # of the trash and of generations
_OF_TRASHED = re.compile(r"[A-Za-z0-9_-]{1,128}~[0-9]{1,20}~[0-9]{1,20}\.json\Z")  # storage/generations.py
_GENERATIONS = "generations"  # the folder of that name in the trash
_LOST_AFTER_S = 60.0  # `chatkeep keys` writes its files there without owning the folder


def check_own(scope: Scope) -> Iterator[Finding]:
    """Look at all of it but the index."""
    folder = scope.folder
    yield from _each(scope, folder.runs, check_journal_file)
    yield from _each_with_owners(scope, folder.trash, _in_trash)
    yield from _each_with_owners(scope, folder.trash / _GENERATIONS, _in_trashed_generations)
    yield from _each_with_owners(scope, folder.generations, _in_generations)
    if scope.owner is None:
        yield from _each(scope, folder.temporary, _in_temporary)
    for path, check in ((folder.keys, _keys), (folder.sessions, _sessions), (folder.audit, _audit)):
        yield from _one(scope, path, check)
    yield from _one(scope, folder.lock, lambda *_: iter(()))


def _each(scope: Scope, folder: Path, check: _Check) -> Iterator[Finding]:
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            if not path.name.startswith("."):
                yield from _one(scope, path, check)


def _each_with_owners(scope: Scope, folder: Path, check: _Check) -> Iterator[Finding]:
    """As `_each`, also in the folders of owners within."""
    if folder.is_dir():
        for path in sorted(folder.iterdir()):
            is_folder = path.is_dir() and not path.is_symlink()
            if is_folder and path.name.startswith("@"):
                yield from _each(scope, path, check)
            elif is_folder and path == scope.folder.trash / _GENERATIONS:
                continue
            elif not path.name.startswith("."):
                yield from _one(scope, path, check)


def _one(scope: Scope, path: Path, check: _Check) -> Iterator[Finding]:
    try:
        found = path.lstat()
        if not stat.S_ISREG(found.st_mode):
            faults = [Fault(Code.NOT_A_FILE, "It should be a file of chatkeep's, and is none.")]
            # Why not the lock: without it nobody would know that we are at work here.
            is_lock = path == scope.folder.lock
            yield from scope.found(path, faults, None if is_lock else lambda into, why: into.move(path, why))
            return
        yield from check(scope, path, found)
        yield from scope.open_to_others(path, path.lstat())
    except FileNotFoundError:  # not there, or removed while we looked
        return
    except OSError as exc:
        yield from scope.found(path, [Fault(Code.NOT_READABLE, f"It cannot be read: {exc.strerror}.")])


def _move(scope: Scope, path: Path, code: Code, what: str) -> Iterator[Finding]:
    def move(into: Quarantine, faults: list[Fault]) -> None:
        into.move(path, faults)

    return scope.found(path, [Fault(code, what)], move)


def _in_trash(scope: Scope, path: Path, _found: os.stat_result) -> Iterator[Finding]:
    if not _NUMBERED.match(path.name):
        yield from _move(
            scope, path, Code.TRASH_NAME, "Its name is not <chat id>~<nanoseconds>.json, so it stays for ever."
        )


def _in_generations(scope: Scope, path: Path, _found: os.stat_result) -> Iterator[Finding]:
    if _NUMBERED.match(path.name):
        yield from _generation(scope, path)
    else:
        yield from _move(scope, path, Code.GENERATION_NAME, "Its name is not <chat id>~<revision>.json.")


def _in_trashed_generations(scope: Scope, path: Path, _found: os.stat_result) -> Iterator[Finding]:
    if _OF_TRASHED.match(path.name):
        yield from _generation(scope, path)
    else:
        what = "Its name is not <chat id>~<nanoseconds>~<revision>.json."
        yield from _move(scope, path, Code.GENERATION_NAME, what)


def _generation(scope: Scope, path: Path) -> Iterator[Finding]:
    data, identity = read_regular(path)
    try:
        decode_chat(data, path.name.partition("~")[0], modified_at(identity))
    except NotAChat as exc:
        yield from _move(scope, path, Code.GENERATION_UNREADABLE, f"This generation cannot be brought back: {exc}.")


def _in_temporary(scope: Scope, path: Path, found: os.stat_result) -> Iterator[Finding]:
    if scope.now_s - found.st_mtime > _LOST_AFTER_S:
        what = "It was being written when its server was killed; nobody was told that it is kept."
        yield from _move(scope, path, Code.LOST_TEMPORARY, what)


def _keys(scope: Scope, path: Path, _found: os.stat_result) -> Iterator[Finding]:
    try:
        KeyFile(scope.folder.root).read()
    except StorageFailed as exc:
        # Why never moved away: a server without keys lets in whoever reaches it.
        yield from scope.found(path, [Fault(Code.KEYS_UNREADABLE, f"No server can start with it. {exc.detail}")])


def _sessions(scope: Scope, path: Path, _found: os.stat_result) -> Iterator[Finding]:
    try:
        msgspec.json.decode(read_regular(path)[0], type=list[Session])
    except (ValueError, RecursionError) as exc:
        what = f"It is no list of sessions, so everybody has to log in again: {exc}."
        yield from _move(scope, path, Code.SESSIONS_UNREADABLE, what)


def _audit(scope: Scope, path: Path, _found: os.stat_result) -> Iterator[Finding]:
    with path.open("rb") as file:
        torn = sum(not _is_entry(line) for line in file)
    if torn:
        what = f"{torn} of its lines are no entries, as a kill or a full disk leaves them; views leave them out."
        yield from scope.found(path, [Fault(Code.AUDIT_TORN, what)])


def _is_entry(line: bytes) -> bool:
    try:
        msgspec.json.decode(line, type=AuditEntry)
    except (ValueError, RecursionError):
        return False
    return True
