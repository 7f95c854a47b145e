"""Where things are in a data folder. No client value becomes a path but a checked chat id and an owner's name."""

import os
from collections.abc import Iterator
from pathlib import Path

from chatkeep.chat.model import ChatKey
from chatkeep.storage.atomic import make_folder, storage_errors

_SUFFIX = ".json"


class Folder:
    """The paths of one data folder."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.own = self.root / ".chatkeep"
        self.runs = self.own / "runs"
        self.trash = self.own / "trash"
        self.generations = self.own / "generations"
        self.temporary = self.own / "tmp"
        self.quarantine = self.own / "quarantine"
        self.index = self.own / "index.sqlite3"
        self.lock = self.own / "lock"
        self.socket = self.own / "server.sock"
        self.keys = self.own / "keys.json"
        self.keys_lock = self.own / "keys.lock"
        self.sessions = self.own / "sessions.json"
        self.audit = self.own / "audit.jsonl"

    def make(self) -> None:
        """Make what is missing. Raises: StorageFull, StorageFailed."""
        with storage_errors(f"The data folder {self.root} cannot be used"):
            for path in (self.runs, self.trash, self.generations, self.temporary):
                make_folder(path)

    def clear_temporary(self) -> None:
        """Remove what a killed server was writing: nothing there was ever acknowledged."""
        with storage_errors(f"The data folder {self.root} cannot be used"):
            for path in self.temporary.iterdir():
                if not path.is_dir():
                    path.unlink()

    def clear_socket(self) -> None:
        """Remove the server's socket, where there is one: only who owns the folder may."""
        with storage_errors(f"The data folder {self.root} cannot be used"):
            self.socket.unlink(missing_ok=True)

    def of_owner(self, owner: str) -> Path:
        """The folder of one owner's chats: the root for the anonymous one, else `@name`."""
        return self.root / f"@{owner}" if owner else self.root

    def chat(self, key: ChatKey) -> Path:
        """The file of one chat."""
        return self.of_owner(key.owner) / f"{key.chat_id}{_SUFFIX}"

    def owners(self) -> Iterator[str]:
        """Every owner that has a folder, the anonymous one first."""
        yield ""
        with os.scandir(self.root) as entries:
            owned = [each.name[1:] for each in entries if each.name[0] == "@" and each.is_dir(follow_symlinks=False)]
        yield from sorted(owned)


def names_in(path: Path) -> list[str]:
    """What is in a folder; nothing when there is none. Raises: OSError."""
    try:
        with os.scandir(path) as entries:
            return [entry.name for entry in entries]
    except FileNotFoundError:
        return []
