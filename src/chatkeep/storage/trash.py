"""Deleted chats: `trash/<chat>~<when>.json`, in their owner's folder, until their days are over."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from chatkeep.chat.model import ChatKey
from chatkeep.storage.atomic import make_folder, storage_errors, sync_folder
from chatkeep.storage.folder import Folder


class Trash:
    """The trash of one data folder.

    `days` is how long a chat stays in it; `changing` makes a change of a name in an owner's folder.
    """

    def __init__(self, folder: Folder, days: float, changing: Callable[..., None]) -> None:
        self._folder = folder
        self._days = days
        self._changing = changing

    def take(self, key: ChatKey) -> None:
        """Move the chat here. After return that survives a power cut. Raises: StorageFull, StorageFailed."""
        with storage_errors(f"Chat {key.chat_id} could not be moved to the trash"):
            place = self._of_owner(key.owner)
            make_folder(place)
            # `~` stands in no chat id, so the name tells both parts apart.
            target = place / f"{key.chat_id}~{time.time_ns()}.json"
            self._changing(key.owner, os.replace, self._folder.chat(key), target)
            sync_folder(place)
            sync_folder(self._folder.of_owner(key.owner))

    def purge(self, key: ChatKey) -> None:
        """Remove the chat, and what the trash has of it, for good. Raises: StorageFailed."""
        with storage_errors(f"Chat {key.chat_id} could not be removed"):
            self._changing(key.owner, self._folder.chat(key).unlink)
            sync_folder(self._folder.of_owner(key.owner))
            for path in self._of_owner(key.owner).glob(f"{key.chat_id}~*.json"):
                path.unlink()

    def remove_expired(self) -> None:
        """Remove chats that were deleted longer ago than they are kept. One that cannot be removed stays."""
        oldest = time.time_ns() - int(self._days * 86_400e9)
        for path in self._folder.trash.rglob("*~*.json"):
            deleted = path.stem.rpartition("~")[2]
            if deleted.isdecimal() and int(deleted) < oldest:
                with contextlib.suppress(OSError):
                    path.unlink()

    def _of_owner(self, owner: str) -> Path:
        return self._folder.trash / f"@{owner}" if owner else self._folder.trash
