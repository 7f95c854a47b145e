"""Chats of our own as they stand in files: one, or a folder of them. Nothing of them is changed."""

from pathlib import Path

from chatkeep.archives.record import Bounds, Records, Stored, Unmapped, in_mib, one_line

SUFFIX = ".json"
LAST_MEMBER = "chatkeep-backup.json"
"""What a backup ends with (backup.py); in a folder it is what somebody unpacked."""

_OWN_FOLDER = ".chatkeep"


def file_of_ours(path: Path, bounds: Bounds, *, owner: str | None = None, chat_id: str | None = None) -> Records:
    """The file of a chat."""
    try:
        if path.stat().st_size > bounds.file_bytes:
            yield too_large(path.name, bounds)
        else:
            yield Stored(path.name, owner, chat_id, path.read_bytes())
    except OSError as exc:
        yield Unmapped(path.name, f"cannot be read: {exc.strerror}")


def folder_of_ours(folder: Path, bounds: Bounds) -> Records:
    """A chats folder, or a backup that somebody unpacked: `ID.json`, and `@owner/ID.json`."""
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name.startswith("@"):
            for each in sorted(path.glob(f"*{SUFFIX}")):
                yield from file_of_ours(each, bounds, owner=path.name[1:], chat_id=each.stem)
        elif path.suffix == SUFFIX and path.is_file() and path.name != LAST_MEMBER:
            yield from file_of_ours(path, bounds, owner="", chat_id=path.stem)
        elif path.name not in {_OWN_FOLDER, LAST_MEMBER}:
            yield Unmapped(one_line(path.name), "is no file of a chat; left out")


def too_large(name: str, bounds: Bounds) -> Unmapped:
    """The finding for a file that is not taken."""
    return Unmapped(one_line(name), f"is larger than {in_mib(bounds.file_bytes)}; left out")
