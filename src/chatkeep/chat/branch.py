"""The message tree: which message follows which, the active path through it, and the branches beside that.

A file has its messages in the order they were made, and nothing of it is ever taken out: what was edited or made
anew is a branch. A message follows the one before it, unless its `parent_id` names another one, or START for a message
that follows only the system's at the beginning. The active path ends with the message that `current` of the chat
names, else with the last one.
"""

from collections.abc import Sequence

import msgspec

from chatkeep.chat.model import START, Chat, Message

NOTHING = -1
"""The place before the first message."""


class Tree:
    """The tree of `messages`. A place is a position in them; what a message follows stands before it."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self._messages = messages
        self.parents: list[int] = []
        self._places: dict[str, int] = {}
        beginning = _beginning(messages)
        for place, message in enumerate(messages):
            parent = place - 1
            if message.parent_id == START:
                parent = min(beginning, parent)
            elif message.parent_id is not None:
                # Why the one before when there is no such message: a file that was edited by hand is read all the same.
                parent = self._places.get(message.parent_id, parent)
            self.parents.append(parent)
            if message.id is not None:
                self._places[message.id] = place

    def place_of(self, message_id: str) -> int | None:
        """Where the message stands, None when there is none."""
        return self._places.get(message_id)

    def path_to(self, place: int) -> list[int]:
        """The places from the first message to `place`, both with it; empty for NOTHING."""
        path = []
        while place != NOTHING:
            path.append(place)
            place = self.parents[place]
        return path[::-1]

    def end_of(self, place: int) -> int:
        """Where the newest path through `place` ends."""
        found = {place}
        for later in range(place + 1, len(self.parents)):
            if self.parents[later] in found:
                found.add(later)
        return max(found)

    def siblings(self) -> dict[int, list[int]]:
        """By place, every message with others that follow the same one, and those with itself, oldest first."""
        by_parent: dict[int, list[int]] = {}
        for place, parent in enumerate(self.parents):
            if self._messages[place].role != "system":
                by_parent.setdefault(parent, []).append(place)
        return {place: places for places in by_parent.values() if len(places) > 1 for place in places}


def has_branches(chat: Chat) -> bool:
    """Whether the active path may be anything but all messages."""
    return chat.current is not None or any([message.parent_id is not None for message in chat.messages])  # noqa: C419 - twice as fast


def end_place(chat: Chat, tree: Tree) -> int:
    """Where the active path ends; NOTHING in a chat without messages."""
    place = tree.place_of(chat.current) if chat.current is not None else None
    return len(chat.messages) - 1 if place is None else place


def active_path(chat: Chat) -> Sequence[Message]:
    """The messages on the active path, oldest first."""
    if not has_branches(chat):
        return chat.messages
    tree = Tree(chat.messages)
    return [chat.messages[place] for place in tree.path_to(end_place(chat, tree))]


def message_count(chat: Chat) -> int:
    """How many messages a list shows of a chat: those on the active path but the system's."""
    return shown_count(active_path(chat))


def shown_count(path: Sequence[Message]) -> int:
    """How many messages of `path` a list counts: all but the system's."""
    return sum(message.role != "system" for message in path)


def siblings_of(chat: Chat, shown: Sequence[Message]) -> dict[str, list[str]]:
    """By id, those of `shown` that are not alone, and all that follow the same message, oldest first."""
    if not has_branches(chat):
        return {}
    wanted = {message.id for message in shown}
    found = {}
    for place, places in Tree(chat.messages).siblings().items():
        name = chat.messages[place].id
        if name in wanted and name is not None:
            found[name] = [each for each in (chat.messages[other].id for other in places) if each is not None]
    return found


def path_before(chat: Chat | None, parent_id: str | None) -> Sequence[Message]:
    """What a turn follows whose first message has that `parent_id`; None, or one that is not there: the active path."""
    if chat is None:
        return []
    found = path_to(chat, parent_id) if parent_id is not None else None
    return active_path(chat) if found is None else found


def path_of_place(chat: Chat, place: int) -> Sequence[Message]:
    """The messages from the first to the one at `place`."""
    if not has_branches(chat):
        return chat.messages[: place + 1]
    return [chat.messages[each] for each in Tree(chat.messages).path_to(place)]


def questions(chat: Chat, known: int = 0) -> list[Message | None]:
    """The user's message that each message answers, the nearest before it on its path; without the first `known`."""
    messages = chat.messages
    parents = Tree(messages).parents if has_branches(chat) else range(NOTHING, len(messages) - 1)
    # Why kept: thousands of messages may follow the same question, and each would be walked over for each.
    asked: dict[int, int] = {}
    found = []
    for place in range(known, len(messages)):
        before, between = parents[place], [place]
        while before not in asked and before != NOTHING and messages[before].role != "user":
            between.append(before)
            before = parents[before]
        if before != NOTHING and messages[before].role != "user":
            before = asked[before]
        asked.update(dict.fromkeys(between, before))
        found.append(messages[before] if before != NOTHING else None)
    return found


def path_to(chat: Chat, message_id: str) -> Sequence[Message] | None:
    """The messages from the first to that one, None when there is none such; START gives the system's at the top."""
    if message_id == START:
        return chat.messages[: _beginning(chat.messages) + 1]
    tree = Tree(chat.messages)
    place = tree.place_of(message_id)
    return None if place is None else [chat.messages[each] for each in tree.path_to(place)]


def appended(chat: Chat, parent_id: str | None, turn: Sequence[Message]) -> list[Message]:
    """All messages, and behind them `turn`, each following the one before it and the first the path to `parent_id`.

    None is the active path. The chat's `current` must be None from then on: what was added is active.
    """
    if not turn:
        return chat.messages
    path = path_before(chat, parent_id)
    end = chat.messages[-1] if chat.messages else None
    if end is None or (path and path[-1] is end):
        return [*chat.messages, *turn]
    first, *rest = turn
    follows = next((message.id for message in reversed(path) if message.id), START)
    return [*chat.messages, msgspec.structs.replace(first, parent_id=follows), *rest]


def _beginning(messages: Sequence[Message]) -> int:
    """The place of the last of the system's messages that stand before all others, NOTHING without."""
    place = NOTHING
    while place + 1 < len(messages) and messages[place + 1].role == "system":
        place += 1
    return place
