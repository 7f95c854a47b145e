"""Deleted chats: `trash/<chat>~<when>.json`, in their owner's folder, until their days are over.

Their earlier generations are beside them, in `trash/generations/` (generations.py).
"""

import contextlib
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from chatkeep.chat.branch import message_count
from chatkeep.chat.model import ChatKey, timestamp
from chatkeep.chat.ports import DeletedChat
from chatkeep.errors import ChatNotFound, ChatUnreadable, InvalidRequest
from chatkeep.storage.atomic import make_folder, storage_errors, sync_folder
from chatkeep.storage.chat_file import read_chat
from chatkeep.storage.folder import Folder, names_in

_SUFFIX = ".json"
_LAST_NS = 2**63 - 1  # in the year 2262; no clock has more
_MOST_DIGITS = len(str(_LAST_NS))


class TrashEntry(NamedTuple):
    """One deleted chat; they sort by the time, in nanoseconds since 1970."""

    deleted_ns: int
    chat_id: str
    path: Path


class Trash:
    """The trash of one data folder.

    `days` is how long a chat stays in it; `changing` makes a change of a name in an owner's folder.
    """

    def __init__(self, folder: Folder, days: float, changing: Callable[..., None]) -> None:
        self._folder = folder
        self.kept_s = days * 86_400
        self._changing = changing

    def take(self, key: ChatKey) -> Path:
        """Move the chat here, and return where. After return that survives a power cut.

        Raises: StorageFull, StorageFailed.
        """
        with storage_errors(f"Chat {key.chat_id} could not be moved to the trash"):
            place = self._of_owner(key.owner)
            make_folder(place)
            # `~` stands in no chat id, so the name tells both parts apart.
            target = place / f"{key.chat_id}~{time.time_ns()}{_SUFFIX}"
            self._changing(key.owner, os.replace, self._folder.chat(key), target)
            sync_folder(place)
            sync_folder(self._folder.of_owner(key.owner))
        return target

    def give_back(self, key: ChatKey, path: Path) -> None:
        """Make `path`, which is here, the file of the chat, which has none. After return that survives a power cut.

        Raises: OSError.
        """
        target = self._folder.chat(key)
        if not target.parent.is_dir():
            self._changing("", make_folder, target.parent)
        self._changing(key.owner, os.replace, path, target)
        sync_folder(target.parent)
        sync_folder(path.parent)

    def newest(self, key: ChatKey) -> Path | None:
        """What is here of the chat; when it was deleted several times, the last. Raises: OSError."""
        found = [entry for entry in self.entries(key.owner) if entry.chat_id == key.chat_id]
        return max(found).path if found else None

    def page(self, owner: str, limit: int, before: str | None) -> tuple[list[DeletedChat], str | None]:
        """At most `limit` of the owner's chats here, newest first, and the cursor of the next page, None at the end.

        Raises: InvalidRequest when `before` is not a cursor of ours, StorageFailed.
        """
        place = _place(before) if before is not None else None
        with storage_errors("The trash could not be read"):
            entries = sorted(self.entries(owner), reverse=True)
        if place is not None:
            entries = [entry for entry in entries if entry[:2] < place]
        shown = entries[:limit]
        following = f"{shown[-1].deleted_ns}_{shown[-1].chat_id}" if len(entries) > limit else None
        return [_shown(entry) for entry in shown], following

    def entries(self, owner: str) -> list[TrashEntry]:
        """Every chat of the owner that is here, in no order. Raises: OSError."""
        place = self._of_owner(owner)
        return [entry for name in names_in(place) if (entry := _entry(place / name)) is not None]

    def purge(self, key: ChatKey) -> None:
        """Remove the chat, and what the trash has of it, for good. Raises: StorageFailed."""
        with storage_errors(f"Chat {key.chat_id} could not be removed"):
            self._changing(key.owner, self._folder.chat(key).unlink)
            sync_folder(self._folder.of_owner(key.owner))
            for path in self._of_owner(key.owner).glob(f"{key.chat_id}~*{_SUFFIX}"):
                path.unlink()

    def remove_expired(self) -> None:
        """Remove chats that were deleted longer ago than they are kept. One that cannot be removed stays."""
        oldest = time.time_ns() - int(self.kept_s * 1e9)
        for path in self._folder.trash.rglob(f"*~*{_SUFFIX}"):
            deleted = path.stem.split("~")[1]  # a generation's revision comes behind it
            if deleted.isdecimal() and int(deleted) < oldest:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _of_owner(self, owner: str) -> Path:
        return self._folder.trash / f"@{owner}" if owner else self._folder.trash


def _shown(entry: TrashEntry) -> DeletedChat:
    moment = timestamp(datetime.fromtimestamp(entry.deleted_ns / 1e9, UTC))
    try:
        chat = read_chat(entry.path, entry.chat_id).chat
    except (ChatNotFound, ChatUnreadable):  # whatever was in the folder under this name can be deleted
        return DeletedChat(entry.chat_id, "", moment, 0)
    return DeletedChat(entry.chat_id, chat.title, moment, message_count(chat))


def _place(cursor: str) -> tuple[int, str]:
    """The nanosecond and the id that a cursor of ours holds. Raises: InvalidRequest."""
    deleted, underscore, chat_id = cursor.partition("_")
    if not underscore or not deleted.isdecimal() or len(deleted) > _MOST_DIGITS:
        raise InvalidRequest("The cursor is not one that this server gave.", errors=(("cursor", "is not a cursor"),))
    return int(deleted), chat_id


def _entry(path: Path) -> TrashEntry | None:
    chat_id, _, deleted = path.name.removesuffix(_SUFFIX).partition("~")
    if not deleted.isdecimal() or int(deleted) > _LAST_NS:
        return None
    return TrashEntry(int(deleted), chat_id, path)
