"""The tree of a conversation of another program made into a chat's (branch.py): whatever shape it comes in.

Without recursion: trees of archives are as deep as somebody makes them.
"""

import heapq
from collections.abc import Iterator

import msgspec

from chatkeep.archives.conversation import Conversation, Node
from chatkeep.archives.ids import chat_id_of, message_id_of
from chatkeep.archives.record import Records
from chatkeep.chat.model import START, Chat, Message, Origin, title_of

_UNKNOWN_TIME = "1970-01-01T00:00:00.000000Z"
_TITLE_CHARS = 200


def put_in_order(conversation: Conversation) -> None:
    """Order the nodes: what one follows stands before it, and else by their times, as they were made.

    Ids that come twice, parents that are not there and circles are reported and mended.
    """
    nodes = _with_own_ids(conversation)
    by_id = {node.original_id: node for node in nodes}
    for node in nodes:
        if node.parent is not None and node.parent not in by_id:
            conversation.note(f"follows {node.parent}, which is not there; it begins the chat anew", node.original_id)
            node.parent = None
    conversation.nodes = list(_by_time(conversation, nodes, by_id))


def records(conversation: Conversation) -> Records:
    """What became of a conversation whose nodes are in order: its findings, and last the chat, unless it is empty."""
    chat = _chat(conversation)
    if not chat.messages:
        conversation.note("has no messages; left out")
    yield from conversation.found
    if chat.messages:
        yield chat


def _with_own_ids(conversation: Conversation) -> list[Node]:
    seen: dict[str, int] = {}
    for node in conversation.nodes:
        original_id = node.original_id
        seen[original_id] = seen.get(original_id, 0) + 1
        if seen[original_id] > 1:
            conversation.note("this id comes twice; both messages are kept", original_id)
            node.original_id = f"{original_id}#{seen[original_id]}"
            seen.setdefault(node.original_id, 1)
    return conversation.nodes


def _by_time(conversation: Conversation, nodes: list[Node], by_id: dict[str, Node]) -> Iterator[Node]:
    """Kahn's algorithm, taking the node with the earliest time of those that may come."""
    places = {node.original_id: place for place, node in enumerate(nodes)}
    children: dict[str, list[Node]] = {}
    for node in nodes:
        if node.parent is not None:
            children.setdefault(node.parent, []).append(node)
    times: dict[str, str] = {}
    left = dict.fromkeys(by_id)
    ready: list[tuple[bool, str, int]] = []

    def make_ready(node: Node) -> None:
        # A message without a time is as old as the one it follows.
        moment = (node.message.timestamp if node.message else None) or times.get(node.parent or "", "")
        times[node.original_id] = moment
        if node.message is not None and node.message.role != "system":
            node.message = msgspec.structs.replace(node.message, timestamp=moment or conversation.created_at)
        comes_first = node.message is not None and node.message.role == "system" and node.parent is None
        heapq.heappush(ready, (not comes_first, moment, places[node.original_id]))

    for node in nodes:
        if node.parent is None:
            make_ready(node)
    while left:
        if not ready:
            node = _on_circle(by_id, next(iter(left)))
            conversation.note("follows itself in a circle; it begins the chat anew", node.original_id)
            children[node.parent or ""].remove(node)
            node.parent = None
            make_ready(node)
        node = nodes[heapq.heappop(ready)[2]]
        del left[node.original_id]
        yield node
        for child in children.get(node.original_id, ()):
            make_ready(child)


def _on_circle(by_id: dict[str, Node], original_id: str) -> Node:
    """A node on the circle that one walks into from `original_id` upwards."""
    seen: set[str] = set()
    node = by_id[original_id]
    while node.original_id not in seen and node.parent is not None:
        seen.add(node.original_id)
        node = by_id[node.parent]
    return node


def _chat(conversation: Conversation) -> Chat:
    messages, own_ids = _messages(conversation)
    times = [message.timestamp for message in messages if message.timestamp]
    asked = next((message.text for message in messages if message.role == "user"), "")
    title = " ".join(conversation.title[: 10 * _TITLE_CHARS].split())[:_TITLE_CHARS]
    return Chat(
        chat_id=chat_id_of(conversation.source, conversation.original_id),
        title=title or title_of(asked.lstrip()[: 10 * _TITLE_CHARS]),  # Limit: a text of 30 MB has 6 million words
        revision=1,
        created_at=conversation.created_at or min(times, default=_UNKNOWN_TIME),
        last_updated=conversation.last_updated or max(times, default=conversation.created_at or _UNKNOWN_TIME),
        messages=messages,
        current=_current(conversation, messages, own_ids),
        origin=Origin(conversation.source, conversation.original_id),
    )


def _messages(conversation: Conversation) -> tuple[list[Message], dict[str, str]]:
    """The messages with ids and parents of ours, and by original id which message stands for each node."""
    own_ids: dict[str, str] = {}
    messages: list[Message] = []
    only_system = True
    for node in conversation.nodes:
        parent_id = own_ids[node.parent] if node.parent is not None else START
        if node.message is None:
            own_ids[node.original_id] = parent_id
            continue
        own_id = message_id_of(conversation.source, conversation.original_id, node.original_id)
        follows_last = only_system if parent_id == START else messages[-1].id == parent_id
        messages.append(
            msgspec.structs.replace(
                node.message,
                id=own_id,
                parent_id=None if follows_last else parent_id,
                original_id=node.original_id,
            )
        )
        own_ids[node.original_id] = own_id
        only_system = only_system and node.message.role == "system"
    return messages, own_ids


def _current(conversation: Conversation, messages: list[Message], own_ids: dict[str, str]) -> str | None:
    """The message that the active path ends with, None when that is the last one."""
    if conversation.current is None or not messages:
        return None
    found = own_ids.get(conversation.current, START)
    if found == START:
        conversation.note(f"its active path ends with {conversation.current}, which is not there; the newest is shown")
        return None
    return None if found == messages[-1].id else found
