"""The older chats folder: one JSON file a chat, with an `index.json` that lists them.

A file is `{created_at, last_updated, messages: [{role, content, timestamp}]}`, named after the chat; the list is an
object with the chats' times by their ids. Files that chatkeep has written to since are ours, and taken as they are.
"""

from collections.abc import Generator
from pathlib import Path

from chatkeep.archives.conversation import Conversation
from chatkeep.archives.elements import Element, Json, elements
from chatkeep.archives.files import SUFFIX, file_of_ours
from chatkeep.archives.record import Bounds, Record, Records, Unmapped, one_line
from chatkeep.archives.shapes import at, dict_in, list_in, text_in
from chatkeep.archives.tree import put_in_order, records
from chatkeep.chat.model import Message, Role

SOURCE = "chats-folder"

_INDEX = "index.json"
_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}


def is_older(folder: Path) -> bool:
    """Whether the folder has the older format's list of chats."""
    return (folder / _INDEX).is_file()


def records_of(folder: Path, bounds: Bounds) -> Records:
    """The chats of the folder, and what is not in them."""
    paths = [path for path in sorted(folder.glob(f"*{SUFFIX}")) if path.name != _INDEX]
    listed = yield from _index(folder / _INDEX, bounds)
    for chat_id in sorted(listed.keys() - {path.stem for path in paths}):
        yield Unmapped(f"{_INDEX}, {one_line(chat_id, 80)}", "is listed, and has no file")
    for path in paths:
        yield from _file(path, dict_in(listed, path.stem), bounds)


def _index(path: Path, bounds: Bounds) -> Generator[Record, None, dict[str, Json]]:
    """Its findings; what it returns is the list."""
    listed: dict[str, Json] = {}
    for each in _elements(path, bounds):
        if isinstance(each, Unmapped):
            yield each
        elif isinstance(each.value, dict):
            listed.update(each.value)
    return listed


def _elements(path: Path, bounds: Bounds) -> Generator[Element | Unmapped]:
    try:
        with path.open("rb") as file:
            for each in elements(file, bounds):
                yield Unmapped(f"{path.name}, {each.where}", each.what) if isinstance(each, Unmapped) else each
    except OSError as exc:
        yield Unmapped(path.name, f"cannot be read: {exc.strerror}")


def _file(path: Path, listed: dict[str, Json], bounds: Bounds) -> Records:
    for each in _elements(path, bounds):
        if isinstance(each, Unmapped):
            yield each
        elif at(each.value, "format") is not None:
            yield from file_of_ours(path, bounds, owner="", chat_id=path.stem)
        elif at(each.value, "messages") is None:
            yield Unmapped(path.name, "is no file of a chat; left out")
        else:
            yield from _chat(path, each, listed)


def _chat(path: Path, element: Element, listed: dict[str, Json]) -> Records:
    conversation = Conversation(SOURCE, path.stem, path.name, element.notes)
    conversation.title = text_in(element.value, "title") or text_in(listed, "title")
    for name in ("created_at", "last_updated"):
        said = at(element.value, name) if at(element.value, name) is not None else at(listed, name)
        setattr(conversation, name, conversation.moment(said, name))
    before: str | None = None
    for place, message in enumerate(list_in(element.value, "messages")):
        before = _add_message(conversation, str(place), message, before)
    put_in_order(conversation)
    yield from records(conversation)


def _add_message(conversation: Conversation, place: str, message: Json, before: str | None) -> str:
    """Add the message at `place`, which is its id, for there was none; return it."""
    role, content = _ROLES.get(text_in(message, "role")), at(message, "content")
    made = None
    if role is None:
        conversation.note(f"its role is {text_in(message, 'role')!r}, which is none of ours; left out", place)
    elif not isinstance(content, str):
        conversation.note("its content is no text; left out", place)
    else:
        moment = conversation.moment(at(message, "timestamp"), "timestamp", place)
        made = Message(role=role, content=content, timestamp=moment)
    conversation.node(place, before, made)
    return place
