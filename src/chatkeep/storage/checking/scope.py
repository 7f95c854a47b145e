"""What one check looks at, and how what it finds becomes a finding."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from chatkeep.storage.checking.finding import Code, Fault, Finding
from chatkeep.storage.checking.quarantine import Quarantine
from chatkeep.storage.folder import Folder

Repair = Callable[[Quarantine, list[Fault]], None]
"""Repairs these faults. Raises: OSError, also where there is nothing that could be done."""


class CannotRepair(OSError):
    """There is nothing that a program could do about it; the text says what a person can."""


class Scope(msgspec.Struct, frozen=True):
    """One check of one folder. `owner` is the process id of the server that owns it, None without one.

    `latest` is the last time in the stored form that can be right, `now_s` the present in seconds since 1970.
    Finished journals are kept `run_kept_s`. With a `quarantine` what is found is repaired.
    """

    folder: Folder
    owner: str | None
    latest: str
    now_s: float
    run_kept_s: float
    quarantine: Quarantine | None

    def found(self, path: Path, faults: list[Fault], repair: Repair | None = None) -> Iterator[Finding]:
        """A finding a fault of the file at `path`, after they were repaired together where that is wanted."""
        file = self.named(path)
        repaired, why = False, ""
        wrong = [fault for fault in faults if not Finding(file, fault.code, fault.what).is_information]
        if self.quarantine is not None and wrong:
            try:
                if repair is None:
                    raise CannotRepair("that takes a person: docs/check.md says what to do")
                repair(self.quarantine, wrong)
                repaired = True
            except OSError as exc:
                why = f" It was not repaired: {os.strerror(exc.errno) if exc.errno else exc}."
        for fault in faults:
            is_wrong = fault in wrong
            yield Finding(file, fault.code, fault.what + (why if is_wrong else ""), repaired and is_wrong)

    def named(self, path: Path) -> str:
        """The path within the folder, as text that can be printed."""
        text = os.fsencode(path.relative_to(self.folder.root)).decode(errors="backslashreplace")
        return text if text.isprintable() else text.encode("unicode_escape").decode()

    def open_to_others(self, path: Path, found: os.stat_result) -> Iterator[Finding]:
        """A finding when other users of this machine can read or write the file; `found` is its own, not a link's."""
        if found.st_mode & 0o066 and (open_to := _classes(found.st_mode) & self._reach(path)):
            what = f"Its mode is {stat.S_IMODE(found.st_mode):o}: {' and '.join(sorted(open_to))} can open it."
            yield from self.found(path, [Fault(Code.OPEN_TO_OTHERS, what)], lambda into, why: into.shut(path, why))

    def _reach(self, path: Path) -> set[str]:
        """Who gets through the folders between the data folder and the file, both with them."""
        reach = {"its group", "everybody"}
        for folder in path.parents:
            reach &= _classes(folder.stat().st_mode, entering=True)
            if folder == self.folder.root:
                break
        return reach


def _classes(mode: int, *, entering: bool = False) -> set[str]:
    """Who but the owner may open a file of that mode, or enter a folder."""
    bits = {"its group": 0o010, "everybody": 0o001} if entering else {"its group": 0o060, "everybody": 0o006}
    return {name for name, bit in bits.items() if mode & bit}
