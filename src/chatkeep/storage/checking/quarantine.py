"""Repair without deleting: what is moved, replaced or cut stands in the quarantine before anything is done to it.

`.chatkeep/quarantine/<time>/files/` holds it under the paths it had, `report.jsonl` beside it says of each what was
wrong, what was done, and how to undo that. A line there is written before its act.
"""

import contextlib
import errno
import os
import shlex
from datetime import datetime
from pathlib import Path

import msgspec

from chatkeep.storage.atomic import make_folder, own_alike, replace_file, sync_folder, write_all, write_new
from chatkeep.storage.checking.finding import Fault
from chatkeep.storage.folder import Folder

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS, errno.EXDEV}  # link(2), section ERRORS


class Quarantine:
    """The quarantine of one repair, which began at `moment`. Nothing is made before it is needed.

    Every method may raise OSError; then the file is as it was, and may stand in the quarantine too.
    """

    def __init__(self, folder: Folder, moment: datetime) -> None:
        self._folder = folder
        self._report: int | None = None
        self.place = folder.quarantine / f"{moment:%Y%m%dT%H%M%S.%fZ}"

    @property
    def is_used(self) -> bool:
        """Whether anything was repaired."""
        return self._report is not None

    def close(self) -> None:
        """Release the report."""
        if self._report is not None:
            os.close(self._report)

    def move(self, path: Path, faults: list[Fault]) -> None:
        """Move what stands at `path` here, whatever it is. After return that survives a power cut."""
        kept = self._place_for(path)
        self._tell(path, faults, "moved to the quarantine", kept, f"mv {self._quoted(kept)} {self._quoted(path)}")
        path.replace(kept)
        sync_folder(kept.parent)
        sync_folder(path.parent)

    def replace(self, path: Path, data: bytes, faults: list[Fault]) -> None:
        """Put `data` in the place of the file at `path`, which is kept here. After return it survives a power cut."""
        kept = self._place_for(path)
        _keep(path, kept)
        self._tell(path, faults, "mended", kept, f"mv {self._quoted(kept)} {self._quoted(path)}")
        replace_file(path, data, self._folder.temporary)

    def rename(self, path: Path, data: bytes, target: Path, faults: list[Fault]) -> None:
        """Move the file at `path` here, and put `data` at `target`, where nothing stands."""
        kept = self._place_for(path)
        undo = f"mv {self._quoted(kept)} {self._quoted(path)}; rm {self._quoted(target)}"
        self._tell(path, faults, f"mended, as {self._named(target)}", kept, undo)
        path.replace(kept)
        sync_folder(kept.parent)
        replace_file(target, data, self._folder.temporary)
        sync_folder(path.parent)

    def cut(self, path: Path, length: int, faults: list[Fault]) -> None:
        """Cut the file at `path` to `length` bytes; those behind are kept here."""
        kept = self._place_for(path, f".from-{length}")
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            size = os.fstat(descriptor).st_size
            write_new(kept, os.pread(descriptor, size - length, length))
            sync_folder(kept.parent)
            undo = f"cat {self._quoted(kept)} >> {self._quoted(path)}"
            self._tell(path, faults, f"cut to its first {length} bytes", kept, undo)
            os.ftruncate(descriptor, length)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def shut(self, path: Path, faults: list[Fault]) -> None:
        """Let only its owner read and write the file at `path`."""
        mode = path.lstat().st_mode & 0o777
        self._tell(path, faults, f"mode {mode:o} made 600", None, f"chmod {mode:o} {self._quoted(path)}")
        path.chmod(0o600)

    def _named(self, path: Path) -> str:
        return os.fsencode(path.relative_to(self._folder.root)).decode(errors="backslashreplace")

    def _quoted(self, path: Path) -> str:
        """The path as a word for a shell that stands in the data folder."""
        return shlex.quote(self._named(path))

    def _place_for(self, path: Path, suffix: str = "") -> Path:
        """A free place for what stands at `path`, in a folder that is there."""
        wanted = self.place / "files" / path.relative_to(self._folder.root)
        make_folder(wanted.parent)
        kept, count = wanted.with_name(wanted.name + suffix), 1
        while os.path.lexists(kept):
            count += 1
            kept = wanted.with_name(f"{wanted.name}{suffix}.{count}")
        return kept

    def _tell(self, path: Path, faults: list[Fault], done: str, kept: Path | None, undo: str) -> None:
        line = {
            "file": self._named(path),
            "codes": [fault.code for fault in faults],
            "what": [fault.what for fault in faults],
            "done": done,
            "kept": self._named(kept) if kept else None,
            "undo": undo,
        }
        if self._report is None:
            self._report = self._new_report()
        write_all(self._report, msgspec.json.encode(line) + b"\n")
        os.fsync(self._report)

    def _new_report(self) -> int:
        make_folder(self.place)
        path = self.place / "report.jsonl"
        report = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        own_alike(path, self.place)
        sync_folder(self.place)
        return report


def _keep(path: Path, kept: Path) -> None:
    """Let the file at `path` stand at `kept` too, as it is: the same file, until another one takes its name."""
    try:
        os.link(path, kept, follow_symlinks=False)
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        write_new(kept, path.read_bytes())
        with contextlib.suppress(OSError):
            own_alike(kept, path)
    sync_folder(kept.parent)
