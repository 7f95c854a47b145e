"""Open an archive of any known format, by its name or by its beginning, and read its records."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import ijson
import msgspec

from chatkeep.archives import backup, chatgpt, claude, files, librechat, llm_sqlite, older, openwebui, zipped
from chatkeep.archives.clean import CleanReader, Readable
from chatkeep.archives.elements import Element, elements
from chatkeep.archives.formats import Format
from chatkeep.archives.record import Bounds, Records, Stored, Unmapped
from chatkeep.errors import InvalidRequest

_LOOKED_AT_BYTES = 1024 * 1024


_MAPPED: Mapping[Format, Callable[[Element], Records]] = {
    Format.CHATGPT: chatgpt.records_of,
    Format.CLAUDE: claude.records_of,
    Format.OPENWEBUI: openwebui.records_of,
    Format.LIBRECHAT: librechat.records_of,
}

# A member that only conversations of that format have, at depth 1. Open WebUI's have `history` in `chat`, or alone.
_MARKS = {
    "mapping": Format.CHATGPT,
    "chat_messages": Format.CLAUDE,
    "chat": Format.OPENWEBUI,
    "history": Format.OPENWEBUI,
    "conversationId": Format.LIBRECHAT,
    "messagesTree": Format.LIBRECHAT,
    "format": Format.CHATKEEP,
    "messages": Format.CHATKEEP,
}


class Archive(msgspec.Struct, frozen=True):
    """An archive that is open. `records` may be read once; `position` is how far that is, of `size` bytes.

    Both are 0 for what is no single file.
    """

    format: Format
    size: int
    records: Records
    position: Callable[[], int]


@contextmanager
def opened(path: Path, named: Format | None = None, bounds: Bounds | None = None) -> Iterator[Archive]:
    """The archive at `path`, a file or a folder; `named` says what it is. Raises: InvalidRequest, OSError."""
    bounds = bounds or Bounds()
    if path.is_dir():
        yield _folder(path, named, bounds)
        return
    with path.open("rb") as file:
        size = path.stat().st_size
        found = named or format_of(file, path.name)
        if found is Format.LLM:
            yield Archive(found, 0, llm_sqlite.records_of(path, bounds), lambda: 0)
        elif found is Format.CHATKEEP and not _begins(file, backup.MAGIC):
            yield Archive(found, 0, files.file_of_ours(path, bounds), lambda: 0)
        else:
            yield Archive(found, size, records_of(file, size, found, path.name, bounds), file.tell)


def _folder(path: Path, named: Format | None, bounds: Bounds) -> Archive:
    conversations = path / "conversations.json"
    if named in _MAPPED or (named is None and conversations.is_file()):
        return Archive(named or Format.CHATGPT, 0, _unpacked(path, named, bounds), lambda: 0)
    if named is Format.CHATS_FOLDER or (named is None and older.is_older(path)):
        return Archive(Format.CHATS_FOLDER, 0, older.records_of(path, bounds), lambda: 0)
    if named in (None, Format.CHATKEEP):
        return Archive(Format.CHATKEEP, 0, files.folder_of_ours(path, bounds), lambda: 0)
    raise InvalidRequest(f"{path} is a folder, which {named} is not.")


def _unpacked(folder: Path, named: Format | None, bounds: Bounds) -> Records:
    """An export that somebody unpacked."""
    for path in sorted(folder.glob("conversations*.json")):
        with opened(path, named, bounds) as archive:
            yield from archive.records


def records_of(source: BinaryIO, size: int, found: Format, name: str, bounds: Bounds) -> Records:
    """The records of the file `source`, which is of the format `found` and `size` bytes long."""
    if found in _MAPPED:
        if _begins(source, zipped.MAGIC):
            yield from _zip(source, found, name, bounds)
        else:
            yield from _mapped(source, found, bounds)
    elif found is Format.CHATKEEP and _begins(source, backup.MAGIC):
        yield from backup.read_backup(source, bounds, size)
    elif found is Format.CHATKEEP:
        data = source.read(bounds.file_bytes + 1)
        is_too_large = len(data) > bounds.file_bytes
        yield Unmapped(name, "is too large; left out") if is_too_large else Stored(name, None, None, data)
    else:
        raise InvalidRequest(f"{found} cannot be read from a stream: use `chatkeep import`.")


def _zip(source: BinaryIO, found: Format, name: str, bounds: Bounds) -> Records:
    count = 0
    try:
        for _, member in zipped.members(source, bounds):
            count += 1
            yield from _mapped(member, found, bounds)
    except zipped.BROKEN as exc:
        yield zipped.broken(exc, name)
        return
    if not count:
        yield Unmapped(name, "holds no conversations.json")


def _mapped(source: Readable, found: Format, bounds: Bounds) -> Records:
    for each in elements(source, bounds):
        if isinstance(each, Element):
            yield from _MAPPED[found](each)
        else:
            yield each


def format_of(source: BinaryIO, name: str) -> Format:
    """What the file `source` is, by its beginning; it is at its beginning again then. Raises: InvalidRequest."""
    try:
        found = _format_of(source, name)
    finally:
        source.seek(0)
    return found


def _format_of(source: BinaryIO, name: str) -> Format:
    if _begins(source, llm_sqlite.MAGIC):
        return Format.LLM
    if _begins(source, backup.MAGIC):
        return Format.CHATKEEP
    found: Format | None = None
    if _begins(source, zipped.MAGIC):
        try:
            for _, member in zipped.members(source, Bounds()):
                found = found or _format_of_json(member)
        except zipped.BROKEN as exc:
            raise InvalidRequest(f"{name}: {zipped.broken(exc, name).what}.") from exc
    else:
        found = _format_of_json(source)
    if found is None:
        raise InvalidRequest(
            f"{name} is no archive that is known: name its format if it is one of {', '.join(Format)}."
        )
    return found


def _format_of_json(source: Readable) -> Format | None:
    """By the members of the first conversations: one that is broken may lack what tells."""
    top = ""
    try:
        for prefix, event, value in ijson.parse(_Beginning(CleanReader(source, []))):
            if not top:
                top = "item" if event == "start_array" else "."
            is_member = event == "map_key" and prefix == (top if top == "item" else "")
            if is_member and value in _MARKS:
                return _MARKS[value]
    except (ijson.JSONError, ValueError):
        pass
    return None


class _Beginning:
    """The first bytes of `source`."""

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._left = _LOOKED_AT_BYTES

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes, none at the end."""
        data = self._source.read(min(size, self._left)) if self._left else b""
        self._left = max(0, self._left - len(data))
        return data


def _begins(source: BinaryIO, magic: bytes) -> bool:
    """Whether `source` begins with `magic`; it is at its beginning then."""
    source.seek(0)
    found = source.read(len(magic))
    source.seek(0)
    return found == magic
