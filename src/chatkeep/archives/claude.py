"""Claude's data export: `conversations.json`, a list of `{uuid, name, created_at, updated_at, chat_messages}`.

Anthropic documents no schema. Known from exporters and importers that test with it:
socketteer/Claude-Conversation-Exporter and Sinity/polylogue (`docs/providers/claude-ai.md`). A message is `{uuid,
sender, text, content, created_at, attachments, files}`; `content` has blocks (text, thinking, tool_use, tool_result),
older exports have `text` alone.
`parent_message_uuid` is there in newer ones, and in what the web page itself loads; without it they follow each other.
"""

from chatkeep.archives.blocks import Answered, Block, Called, Said, Thought
from chatkeep.archives.conversation import Conversation, unnamed
from chatkeep.archives.elements import Element, Json
from chatkeep.archives.record import Records, one_line
from chatkeep.archives.shapes import arguments_of, at, file_name, list_in, text_in
from chatkeep.archives.tree import put_in_order, records
from chatkeep.chat.model import Message, Role

SOURCE = "claude"

_ROLES: dict[str, Role] = {"human": "user", "user": "user", "assistant": "assistant"}
_NO_PARENT = "00000000-0000-4000-8000-000000000000"
_FIGURES = {"token_budget"}  # blocks that hold no content


def records_of(element: Element) -> Records:
    """The chat that a conversation is, and what is not in it."""
    value = element.value
    conversation = Conversation(SOURCE, text_in(value, "uuid") or unnamed(value), element.where, element.notes)
    conversation.title = text_in(value, "name")
    conversation.created_at = conversation.moment(at(value, "created_at"), "created_at")
    conversation.last_updated = conversation.moment(at(value, "updated_at"), "updated_at")
    conversation.current = text_in(value, "current_leaf_message_uuid") or None
    before = None
    for message in list_in(value, "chat_messages"):
        before = _add_message(conversation, message, before, text_in(value, "model"))
    put_in_order(conversation)
    yield from records(conversation)


def _add_message(conversation: Conversation, message: Json, before: str | None, model: str) -> str:
    """Add a message that follows `before` unless it says otherwise, and return its id."""
    message_id = text_in(message, "uuid") or unnamed(message)
    parent = text_in(message, "parent_message_uuid") or before
    role = _ROLES.get(text_in(message, "sender"))
    if role is None:
        conversation.note(f"its sender is {text_in(message, 'sender')!r}, which is none of ours; left out", message_id)
    left_out: list[str] = []
    blocks = _blocks(message, left_out) if role else []
    bare = Message(
        role=role or "user",
        content="",
        timestamp=conversation.moment(at(message, "created_at"), "created_at", message_id),
        model=model or None if role == "assistant" else None,
        status="complete" if role == "assistant" else None,
    )
    conversation.add(message_id, None if parent == _NO_PARENT else parent, blocks, bare, left_out)
    return message_id


def _blocks(message: Json, left_out: list[str]) -> list[Block]:
    blocks = [block for each in list_in(message, "content") if (block := _block(each, left_out)) is not None]
    if not any(isinstance(block, Said) and block.text for block in blocks) and (text := text_in(message, "text")):
        blocks.append(Said(text))
    for attached in list_in(message, "attachments"):
        if text := text_in(attached, "extracted_content"):
            blocks.append(Said(f"{file_name(attached)}:\n\n{text}"))
        else:
            left_out.append(f"file {file_name(attached)}")
    files = [*list_in(message, "files"), *list_in(message, "files_v2")]
    left_out += dict.fromkeys(f"file {file_name(each)}" for each in files)
    return blocks


def _block(block: Json, left_out: list[str]) -> Block | None:
    kind = text_in(block, "type")
    match kind:
        case "text":
            return Said(text_in(block, "text"))
        case "thinking":
            return Thought(text_in(block, "thinking"))
        case "tool_use":
            return Called(text_in(block, "id"), text_in(block, "name"), arguments_of(at(block, "input")))
        case "tool_result":
            return Answered(text_in(block, "tool_use_id"), text_in(block, "name"), _result(block, left_out))
        case _ if kind not in _FIGURES:
            left_out.append(f"a block of the kind {one_line(kind, 40)!r}")
    return None


def _result(block: Json, left_out: list[str]) -> str:
    """The text of a tool's result, which is text or a list of blocks."""
    if text := text_in(block, "content"):
        return text
    texts = []
    for part in list_in(block, "content"):
        if text_in(part, "type") == "text":
            texts.append(text_in(part, "text"))
        elif text_in(part, "type") == "knowledge":  # what a search found
            texts.append("\n".join(filter(None, (text_in(part, key) for key in ("title", "url", "text")))))
        else:
            left_out.append(f"{one_line(text_in(part, 'type'), 40) or 'a part'} in the result of a tool")
    return "\n".join(filter(None, texts))
