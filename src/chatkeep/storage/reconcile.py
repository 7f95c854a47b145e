"""Bring the index in step with the files: read again only what differs, as git does."""

import os
from collections.abc import Iterator
from pathlib import Path

import structlog

from chatkeep.chat.model import ChatKey, check_chat_id
from chatkeep.errors import InvalidChatId
from chatkeep.storage.atomic import Identity, identity_of, modified_at, read_regular, storage_errors
from chatkeep.storage.codec import NotAChat, decode_chat
from chatkeep.storage.folder import Folder
from chatkeep.storage.index import Change, FolderIdentity, Index, Put, Remove

_log = structlog.get_logger("chatkeep.index")

_BATCH = 500  # chats read between two transactions: bounds memory


def folder_identity(path: Path) -> FolderIdentity:
    """The identity of a folder's names. Raises: OSError."""
    found = path.stat()
    return FolderIdentity(found.st_mtime_ns, found.st_ino)


def reconcile(folder: Folder, index: Index, trusted: dict[str, FolderIdentity]) -> bool:
    """Make `index` agree with the files; True when all folders are as `trusted` has them, and none was looked into.

    Raises: StorageFailed, sqlite3.Error.
    """
    with storage_errors(f"The data folder {folder.root} cannot be read"):
        if trusted.get("") == folder_identity(folder.root) and all(
            _is_as(folder.of_owner(owner), identity) for owner, identity in trusted.items()
        ):
            return True
        owners = set(folder.owners())
        for owner in sorted(owners | index.owners()):
            changes = _differences(folder, index, owner, present=owner in owners)
            for begin in range(0, len(changes), _BATCH):
                index.apply(list(_read(folder, changes[begin : begin + _BATCH])))
    return False


def _is_as(path: Path, identity: FolderIdentity) -> bool:
    try:
        return folder_identity(path) == identity
    except OSError:
        return False


def _differences(folder: Folder, index: Index, owner: str, *, present: bool) -> list[Remove | ChatKey]:
    """What is gone, and the chats whose file differs from the index, the newest last: a search takes the last first."""
    indexed = index.identities(owner)
    differing: list[tuple[int, ChatKey]] = []
    if present:
        for chat_id, identity in _files(folder.of_owner(owner)):
            if indexed.pop(chat_id, None) != identity:
                differing.append((identity.mtime_ns, ChatKey(owner, chat_id)))
    differing.sort(key=lambda pair: pair[0])
    return [*(Remove(ChatKey(owner, chat_id)) for chat_id in indexed), *(key for _, key in differing)]


def _files(path: Path) -> Iterator[tuple[str, Identity]]:
    with os.scandir(path) as entries:
        for entry in entries:
            chat_id, dot, suffix = entry.name.rpartition(".")
            if not dot or suffix != "json" or not entry.is_file(follow_symlinks=False):
                continue
            try:
                yield check_chat_id(chat_id), identity_of(entry.stat(follow_symlinks=False))
            except InvalidChatId:
                _log.warning("file_ignored", file=entry.name, reason="its name is not a chat id")
            except FileNotFoundError:  # Race: deleted while we looked.
                continue


def _read(folder: Folder, changes: list[Remove | ChatKey]) -> Iterator[Change]:
    for change in changes:
        if isinstance(change, Remove):
            yield change
            continue
        try:
            data, identity = read_regular(folder.chat(change))
            yield Put(change, decode_chat(data, change.chat_id, modified_at(identity)), identity)
        except (NotAChat, OSError) as exc:
            # The older format kept a list of its own under this name; it is left alone.
            if change.chat_id != "index":
                _log.warning("chat_unreadable", chat_id=change.chat_id, reason=str(exc))
            yield Remove(change)
