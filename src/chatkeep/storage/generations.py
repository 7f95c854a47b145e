"""What chats were before: `generations/<chat>~<revision>.json`, in their owner's folder, the last `KEPT` of each.

A generation is another name of the very file that a new version is put over, so keeping it costs no room for a
copy, and whoever wrote that file, a server or a person, finds it there as it was. Those of a chat in the trash are in
`trash/generations/` and named after its entry: a new chat with the same id has nothing to do with them.
"""

import contextlib
import errno
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import structlog

from chatkeep.chat.branch import message_count
from chatkeep.chat.model import Chat, ChatKey
from chatkeep.chat.ports import Generation
from chatkeep.errors import ChatNotFound, ChatUnreadable, GenerationNotFound
from chatkeep.storage.atomic import make_folder, read_regular, write_new
from chatkeep.storage.chat_file import read_chat
from chatkeep.storage.folder import Folder, names_in

_log = structlog.get_logger("chatkeep.files")

KEPT = 5

_NO_LINKS = {errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV}  # link(2)
_SUFFIX = ".json"


class Generations:
    """The earlier generations of all chats of one data folder. A number is the revision that the file had."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def path(self, key: ChatKey, number: int) -> Path:
        """Where that generation of the chat is kept, if it is. `~` stands in no chat id."""
        return self._of_owner(key.owner) / f"{key.chat_id}~{number}{_SUFFIX}"

    def read(self, key: ChatKey, number: int, revision: int) -> Chat:
        """That generation of the chat, which has `revision`. Raises: GenerationNotFound, ChatUnreadable."""
        try:
            if number in numbers_before(revision):
                return read_chat(self.path(key, number), key.chat_id).chat
        except ChatNotFound:
            pass
        raise GenerationNotFound(f"Nothing is kept of chat {key.chat_id} at revision {number}.")

    def of(self, key: ChatKey, revision: int) -> list[Generation]:
        """What is kept of the chat, which has `revision`, newest first; without what cannot be read."""
        found = []
        for number in numbers_before(revision):
            try:
                stored = read_chat(self.path(key, number), key.chat_id)
            except ChatNotFound:
                continue
            except ChatUnreadable as exc:
                _log.warning("generation_unreadable", chat_id=key.chat_id, generation=number, reason=exc.detail)
                continue
            chat, count = stored.chat, message_count(stored.chat)
            found.append(Generation(number, chat.title, chat.last_updated, count, stored.identity.size))
        return found

    def newest(self, key: ChatKey) -> int | None:
        """The highest number that there is of the chat. Looks at the names of all generations. Raises: OSError."""
        return max(self._found(key), default=None)

    def keep(self, key: ChatKey, revision: int) -> None:
        """Keep the chat's file, which has `revision` and is about to be replaced, and let go of the one too old.

        Not synced: a power cut may lose it, and never the chat. Raises: OSError; then it is not kept.
        """
        try:
            self._link(self._folder.chat(key), self.path(key, revision))
        finally:
            # Why in any case: nothing asks for that name again.
            if revision >= KEPT:
                self.path(key, revision - KEPT).unlink(missing_ok=True)

    def begin(self, key: ChatKey, revision: int) -> None:
        """A new chat is about to be made, with `revision`: what an earlier one of its id has left is not its own."""
        for number in numbers_before(revision):
            self.path(key, number).unlink(missing_ok=True)

    def to_trash(self, key: ChatKey, entry: str, revision: int | None) -> None:
        """Move those of a chat that was deleted to those of its `entry` in the trash, named without its suffix.

        `revision` is the one it had; None when that is not known. Raises: OSError.
        """
        numbers = numbers_before(revision) if revision is not None else sorted(self._found(key))
        place = self._trashed(key.owner)
        for number in numbers:
            with contextlib.suppress(FileNotFoundError):
                _move(self.path(key, number), place / f"{entry}~{number}{_SUFFIX}")

    def from_trash(self, key: ChatKey, entry: str, chat: Chat) -> None:
        """Move those of that `entry` in the trash, which is `chat`, back to their places. Raises: OSError."""
        place = self._trashed(key.owner)
        for number in numbers_before(chat.revision):
            mine = self.path(key, number)
            try:
                _move(place / f"{entry}~{number}{_SUFFIX}", mine)
            except FileNotFoundError:
                # Why looked into: a kill may have come before this was moved, or another chat of the id has left it.
                if not _is_of(chat, mine):
                    mine.unlink(missing_ok=True)

    def remove(self, key: ChatKey) -> None:
        """Remove all of this chat, and of those of its id in the trash, for good. Raises: OSError."""
        for place in (self._of_owner(key.owner), self._trashed(key.owner)):
            for name in names_in(place):
                if name.startswith(f"{key.chat_id}~"):
                    (place / name).unlink(missing_ok=True)

    def remove_abandoned(self, kept_s: float) -> None:
        """Remove those of chats whose file was taken away by hand, `kept_s` seconds after they were last named."""
        oldest = time.time() - kept_s
        for owner, names in self._by_owner():
            # Race: chats are looked for after their generations, so one that is made meanwhile is there.
            chats = set(names_in(self._folder.of_owner(owner)))
            for name in names:
                if f"{name.partition('~')[0]}{_SUFFIX}" not in chats:
                    _remove_older(self._of_owner(owner) / name, oldest)

    def _of_owner(self, owner: str) -> Path:
        return self._folder.generations / f"@{owner}" if owner else self._folder.generations

    def _trashed(self, owner: str) -> Path:
        place = self._folder.trash / "generations"
        return place / f"@{owner}" if owner else place

    def _found(self, key: ChatKey) -> Iterator[int]:
        """The numbers of all that there are of this chat, in no order."""
        for name in names_in(self._of_owner(key.owner)):
            chat_id, _, number = name.removesuffix(_SUFFIX).partition("~")
            if chat_id == key.chat_id and number.isdecimal():
                yield int(number)

    def _by_owner(self) -> Iterator[tuple[str, list[str]]]:
        for name in ["", *names_in(self._folder.generations)]:
            if not name or name.startswith("@"):
                owner = name[1:]
                yield owner, [each for each in names_in(self._of_owner(owner)) if "~" in each]

    def _link(self, old: Path, new: Path) -> None:
        """Give the file `old` the further name `new`, or where that cannot be, make a copy. Raises: OSError."""
        try:
            _link_or_copy(old, new)
        except FileNotFoundError:
            make_folder(new.parent)
            # Race: somebody may have removed the chat's file by hand; then there is nothing to keep.
            with contextlib.suppress(FileNotFoundError):
                _link_or_copy(old, new)


def numbers_before(revision: int) -> Iterable[int]:
    """The numbers that generations of a chat with `revision` may have, newest first."""
    return range(revision - 1, max(revision - 1 - KEPT, -1), -1)


def _is_of(chat: Chat, path: Path) -> bool:
    """Whether the file at `path` is `chat` at another time, by when that was created."""
    try:
        return read_chat(path, chat.chat_id).chat.created_at == chat.created_at
    except (ChatNotFound, ChatUnreadable):
        return False


def _link_or_copy(old: Path, new: Path) -> None:
    try:
        try:
            os.link(old, new, follow_symlinks=False)
        except FileExistsError:
            # What a kill before the replacement left, or a chat of this id that is gone.
            new.unlink()
            os.link(old, new, follow_symlinks=False)
    except OSError as exc:
        if exc.errno not in _NO_LINKS:
            raise
        data, _ = read_regular(old)
        write_new(new, data)


def _move(old: Path, new: Path) -> None:
    """Raises: FileNotFoundError when there is no `old`, other OSError."""
    try:
        old.replace(new)
    except FileNotFoundError:
        old.lstat()
        make_folder(new.parent)
        old.replace(new)


def _remove_older(path: Path, oldest: float) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.lstat().st_ctime <= oldest:
            path.unlink()
