"""Check all chats of a data folder: the names in it, and what is in the files."""

import contextlib
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from chatkeep.access.keys import check_owner
from chatkeep.chat.model import ChatKey, check_chat_id
from chatkeep.errors import InvalidRequest
from chatkeep.storage.atomic import Identity, modified_at, read_regular
from chatkeep.storage.checking.chat import ChatReport, check_chat
from chatkeep.storage.checking.finding import Code, Fault, Finding, shown
from chatkeep.storage.checking.index import IndexCheck
from chatkeep.storage.checking.mending import mend_chat
from chatkeep.storage.checking.quarantine import Quarantine
from chatkeep.storage.checking.reading import look
from chatkeep.storage.checking.run_ids import Duplicates, Holders, RunIds
from chatkeep.storage.checking.scope import CannotRepair, Repair, Scope

_SUFFIX = ".json"
_OLDER_INDEX = "index"  # the older format kept a list of its own under this name
_NO_ID = re.compile(r"[^A-Za-z0-9_-]+")
_LONGEST_NEW_ID = 100  # characters: leaves room for what makes it free


class ChatsCheck:
    """All chats of one folder. `advance` is told after each file that should be one how many there were, and are."""

    def __init__(self, scope: Scope, index: IndexCheck, advance: Callable[[int, int], None]) -> None:
        self._scope = scope
        self._folder = scope.folder
        self._index = index
        self._advance = advance
        self._runs = RunIds()
        self._done = 0
        self._total = 0

    def findings(self) -> Iterator[Finding]:
        """Look at all of them."""
        folders = [self._folder.of_owner(owner) for owner in dict.fromkeys(self._folder.owners())]
        self._total = sum(name.endswith(_SUFFIX) for folder in folders for name in _names(folder))
        yield from self._owner("")
        for name in _names(self._folder.root):
            if name.startswith("@"):
                yield from self._named_owner(self._folder.root / name, name[1:])
        if duplicates := self._runs.duplicates():
            yield from self._copies(duplicates)

    def _named_owner(self, path: Path, owner: str) -> Iterator[Finding]:
        is_folder = path.is_dir() and not path.is_symlink()
        if not is_folder or not owner or not _is_owner(owner):
            why = "no owner can be named so" if is_folder else "it is no folder"
            fault = Fault(Code.NOT_AN_OWNER, f"It is named as an owner's folder, and {why}: no key reaches it.")
            yield from self._scope.found(path, [fault], lambda into, why: into.move(path, why))
        if owner and is_folder and path.is_dir():
            yield from self._owner(owner)

    def _owner(self, owner: str) -> Iterator[Finding]:
        self._index.begin_owner(owner)
        for name in _names(self._folder.of_owner(owner)):
            if owner or not name.startswith("@"):
                yield from self._entry(owner, name)
            if name.endswith(_SUFFIX):
                self._done += 1
                self._advance(self._done, self._total)
        self._index.end_owner(owner)

    def _entry(self, owner: str, name: str) -> Iterator[Finding]:
        path = self._folder.of_owner(owner) / name
        try:
            found = path.lstat()
            if not name.endswith(_SUFFIX):
                yield from self._scope.found(path, [Fault(Code.FOREIGN_FILE, "It is no chat, and is left alone.")])
            elif not _is_chat_id(stem := name.removesuffix(_SUFFIX)):
                yield from self._misnamed(path, owner, stem)
            elif not stat.S_ISREG(found.st_mode):
                fault = Fault(Code.NOT_A_FILE, f"It should be a chat's file, and is {_kind(found.st_mode)}.")
                yield from self._scope.found(path, [fault], lambda into, why: into.move(path, why))
            else:
                yield from self._chat(ChatKey(owner, stem), path)
                yield from self._scope.open_to_others(path, path.lstat())
        except FileNotFoundError:  # Race: deleted or moved away while we looked, also by ourselves.
            return
        except OSError as exc:
            yield from self._scope.found(path, [Fault(Code.NOT_READABLE, f"It cannot be read: {exc.strerror}.")])

    def _chat(self, key: ChatKey, path: Path) -> Iterator[Finding]:
        report, identity = self._look(key, path)
        if report.parsed is None and key.chat_id == _OLDER_INDEX:
            return
        self._runs.add(report.run_ids)
        self._index.saw(key, identity, report)
        if report.faults or report.notes:
            yield from self._scope.found(
                path, [*report.faults, *report.notes], lambda into, why: self._repair(key, path, into, why)
            )

    def _look(self, key: ChatKey, path: Path) -> tuple[ChatReport, Identity]:
        return look(
            path, lambda data: check_chat(data, key.chat_id, self._scope.latest), lambda report: not report.faults
        )

    def _repair(
        self, key: ChatKey, path: Path, into: Quarantine, faults: list[Fault], runs: Sequence[str] = ()
    ) -> None:
        if any(fault.code is Code.NEWER_FORMAT for fault in faults):
            raise CannotRepair("it is left to the version that wrote it")
        data, identity = read_regular(path)
        mended = mend_chat(data, key.chat_id, self._modified(identity), self._scope.latest, runs)
        if mended is None:
            into.move(path, faults)
        else:
            into.replace(path, mended, faults)

    def _modified(self, identity: Identity) -> datetime:
        return min(modified_at(identity), datetime.fromtimestamp(self._scope.now_s, UTC))

    def _misnamed(self, path: Path, owner: str, stem: str) -> Iterator[Finding]:
        """A name that no chat can have: of a chat it is wrong, of anything else none of our business."""
        wanted = self._free_key(owner, stem)
        report = None
        if stat.S_ISREG(path.lstat().st_mode):
            report, identity = self._look(wanted, path)
        if report is None or report.parsed is None:
            yield from self._scope.found(path, [Fault(Code.FOREIGN_FILE, "It is no chat, and is left alone.")])
            return

        def rename(into: Quarantine, faults: list[Fault]) -> None:
            data, _ = read_regular(path)
            mended = mend_chat(data, wanted.chat_id, self._modified(identity), self._scope.latest)
            if mended is None:
                raise CannotRepair("what is in it cannot be mended either")
            into.rename(path, mended, self._folder.chat(wanted), faults)
            self._runs.add(report.run_ids)  # it is a chat of the folder now, and may be a copy of another one

        what = f"{shown(stem)} is no chat id (letters, digits, _ and -), so this chat is in no list."
        yield from self._scope.found(path, [Fault(Code.NOT_A_CHAT_ID, what)], rename)

    def _free_key(self, owner: str, stem: str) -> ChatKey:
        chat_id = wanted = _NO_ID.sub("-", stem).strip("-")[:_LONGEST_NEW_ID] or "chat"
        count = 1
        while os.path.lexists(self._folder.chat(ChatKey(owner, chat_id))):
            count += 1
            chat_id = f"{wanted}-{count}"
        return ChatKey(owner, chat_id)

    def _copies(self, duplicates: Duplicates) -> Iterator[Finding]:
        """Look again for what stands in several chats; it belongs to the one that had it first."""
        holders = Holders()
        for owner in dict.fromkeys(self._folder.owners()):
            for name in _names(self._folder.of_owner(owner)):
                key = ChatKey(owner, name.removesuffix(_SUFFIX))
                if not name.endswith(_SUFFIX) or not _is_chat_id(key.chat_id):
                    continue
                with contextlib.suppress(OSError):
                    report, identity = self._look(key, self._folder.chat(key))
                    holders.add(key, report, identity, duplicates)
        for key, first, run_ids in holders.copies():
            path = self._folder.chat(key)
            there = self._scope.named(self._folder.chat(first))
            runs = f"Its run {run_ids[0]}" if len(run_ids) == 1 else f"{len(run_ids)} of its runs, as {run_ids[0]},"
            what = f"{runs} stood in {there} first: one of the two chats is a copy."
            yield from self._scope.found(path, [Fault(Code.DUPLICATE_RUN, what)], self._without(key, path, run_ids))

    def _without(self, key: ChatKey, path: Path, run_ids: list[str]) -> Repair:
        return lambda into, why: self._repair(key, path, into, why, run_ids)


def _names(path: Path) -> list[str]:
    """The names in a folder, in the order of chat ids, but hidden ones: those are other programs'."""
    with os.scandir(path) as entries:
        found = [entry.name for entry in entries if not entry.name.startswith(".")]
    return sorted(found, key=lambda name: name.removesuffix(_SUFFIX))


def _is_chat_id(text: str) -> bool:
    try:
        check_chat_id(text)
    except InvalidRequest:
        return False
    return True


def _is_owner(text: str) -> bool:
    try:
        check_owner(text)
    except InvalidRequest:
        return False
    return True


def _kind(mode: int) -> str:
    if stat.S_ISLNK(mode):
        return "a link"
    if stat.S_ISDIR(mode):
        return "a folder"
    return "a pipe" if stat.S_ISFIFO(mode) else "no regular file"
