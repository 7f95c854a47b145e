"""ChatGPT's data export: `conversations.json`, a list of conversations, each with `mapping`, a tree of nodes.

OpenAI documents no schema. Known from exports of 2023 to 2026 as they are described and tested elsewhere: LibreChat,
`api/server/utils/import/` (`importers.js`, `__data__/chatgpt-modern-export.json`), and mitkury/chatgpt-export-parser,
`docs/chatgpt-data-export-format.md`. A node is `{id, message, parent, children}`; `current_node` ends the active path;
times are seconds as floats. Reasoning, calls of tools and their answers are nodes of their own.
"""

from collections.abc import Iterator

import msgspec

from chatkeep.archives.conversation import Conversation, Node, unnamed
from chatkeep.archives.elements import Element, Json
from chatkeep.archives.record import Records, one_line
from chatkeep.archives.shapes import arguments_of, at, dict_in, file_name, list_in, text_in
from chatkeep.archives.tree import put_in_order, records
from chatkeep.chat.model import Message, ReplyStatus, Role, ToolCall, digest

SOURCE = "chatgpt"

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}
_THOUGHTS = {"thoughts", "reasoning_recap"}
_FINISH_REASONS = {"stop": "stop", "max_tokens": "length"}


def records_of(element: Element) -> Records:
    """The chat that a conversation is, and what is not in it."""
    conversation = Conversation(SOURCE, _id_of(element.value), element.where, element.notes)
    mapping = dict_in(element.value, "mapping")
    conversation.title = text_in(element.value, "title")
    conversation.created_at = conversation.moment(at(element.value, "create_time"), "create_time")
    conversation.last_updated = conversation.moment(at(element.value, "update_time"), "update_time")
    conversation.current = text_in(element.value, "current_node") or None
    thoughts: dict[str, Message] = {}
    for node_id, node in mapping.items():
        _add_node(conversation, node_id, node, thoughts)
    put_in_order(conversation)
    _give_thoughts(conversation, thoughts)
    _name_calls(conversation)
    yield from records(conversation)


def _id_of(value: Json) -> str:
    return text_in(value, "conversation_id") or text_in(value, "id") or unnamed(value)


def _add_node(conversation: Conversation, node_id: str, node: Json, thoughts: dict[str, Message]) -> None:
    parent = text_in(node, "parent") or None
    message = at(node, "message")
    if not isinstance(node, dict) or not isinstance(message, dict | None):
        conversation.note("is no message of the known form; left out", node_id)
        message = None
    made = _message(conversation, node_id, message) if isinstance(message, dict) else None
    if made is not None and made.reasoning and not made.content:
        thoughts[node_id] = made
        made = None
    conversation.node(node_id, parent, made)


def _message(conversation: Conversation, node_id: str, message: dict[str, Json]) -> Message | None:
    content, metadata = dict_in(message, "content"), dict_in(message, "metadata")
    kind = text_in(content, "content_type")
    role = _role(conversation, node_id, message, kind)
    if role is None:
        return None
    text, left_out = _text(content, kind)
    left_out += _attachments(metadata, has_images=bool(left_out))
    for what in left_out:
        conversation.note(f"{what}: left out", node_id)
    if role == "system" and metadata.get("is_visually_hidden_from_conversation") is True and kind == "text":
        if text:
            conversation.note("a hidden message of the system: left out", node_id)
        return None
    if not text and not left_out:
        return None
    is_thought, called = kind in _THOUGHTS, _called(role, message)
    return Message(
        role=role,
        content="" if is_thought or called else text or f"[left out: {', '.join(left_out)}]",
        timestamp=conversation.moment(message.get("create_time"), "create_time", node_id),
        model=text_in(metadata, "model_slug") or None if role == "assistant" else None,
        status=_status(message) if role == "assistant" else None,
        finish_reason=_finish_reason(metadata) if role == "assistant" else None,
        reasoning=text if is_thought else None,
        tool_calls=[_call(conversation, node_id, called, text)] if called and not is_thought else None,
    )


def _role(conversation: Conversation, node_id: str, message: dict[str, Json], kind: str) -> Role | None:
    said = text_in(dict_in(message, "author"), "role")
    # The user's custom instructions: said by the user once for all, and sent before everything else.
    role = "system" if kind == "user_editable_context" else _ROLES.get(said)
    if role is None:
        conversation.note(f"its role is {said!r}, which is none of ours; left out", node_id)
    return role


def _text(content: dict[str, Json], kind: str) -> tuple[str, list[str]]:
    """What the content says, and what of it no text can say."""
    match kind:
        case "text" | "multimodal_text":
            return _parts(content)
        case "code":
            return text_in(content, "text"), []
        case "thoughts":
            return _thoughts(content), []
        case "reasoning_recap":
            return text_in(content, "content"), []
        case "execution_output" | "tether_quote" | "system_error" | "tether_browsing_display":
            named = [text_in(content, key) for key in ("name", "title", "url", "summary", "text", "result")]
            return "\n".join(dict.fromkeys(filter(None, named))), []
        case "user_editable_context":
            return "\n\n".join(
                filter(None, (text_in(content, "user_profile"), text_in(content, "user_instructions")))
            ), []
        case _:
            text, left_out = _parts(content)
            return text or text_in(content, "text"), [
                f"what is not text of the content {one_line(kind, 40)!r}",
                *left_out,
            ]


def _parts(content: dict[str, Json]) -> tuple[str, list[str]]:
    texts, left_out = [], []
    for part in list_in(content, "parts"):
        if isinstance(part, str):
            texts.append(part)
        elif text := text_in(part, "text"):  # audio_transcription
            texts.append(text)
        elif part is not None:
            left_out.append(f"{text_in(part, 'content_type') or 'a part'} {file_name(part)}")
    return "\n".join(filter(None, texts)), left_out


def _thoughts(content: dict[str, Json]) -> str:
    thoughts = at(content, "thoughts")
    if isinstance(thoughts, str):
        return thoughts
    said = [
        "\n".join(filter(None, (text_in(each, "summary"), text_in(each, "content"))))
        for each in list_in(content, "thoughts")
    ]
    return "\n\n".join(filter(None, said))


def _attachments(metadata: dict[str, Json], *, has_images: bool) -> Iterator[str]:
    """Files beside the text; an image that is a part of the content is one of them, and told once."""
    for attached in list_in(metadata, "attachments"):
        mime_type = text_in(attached, "mime_type") or text_in(attached, "mimeType")
        if not (has_images and mime_type.startswith("image/")):
            yield f"file {file_name(attached)}"


def _status(message: dict[str, Json]) -> ReplyStatus | None:
    status = text_in(message, "status")
    if text_in(dict_in(dict_in(message, "metadata"), "finish_details"), "type") == "interrupted":
        return "stopped"
    if status == "in_progress":
        return "interrupted"
    return "complete" if status.startswith("finished") else None


def _finish_reason(metadata: dict[str, Json]) -> str | None:
    return _FINISH_REASONS.get(text_in(dict_in(metadata, "finish_details"), "type"))


def _called(role: Role, message: dict[str, Json]) -> str:
    """The tool that the message is for, empty when it is for the people."""
    recipient = text_in(message, "recipient") if role == "assistant" else ""
    return recipient if recipient != "all" else ""


def _call(conversation: Conversation, node_id: str, name: str, text: str) -> ToolCall:
    return ToolCall(f"call_{digest(f'{conversation.original_id} {node_id}')[:24]}", name, arguments_of(text))


def _give_thoughts(conversation: Conversation, thoughts: dict[str, Message]) -> None:
    """Put reasoning into the first reply behind it; what no reply follows is a message without text."""
    nodes = {node.original_id: node for node in conversation.nodes}
    for node in conversation.nodes:
        if node.message is not None and node.message.role == "assistant":
            own = [node.message.reasoning] if node.message.reasoning else []
            given = _taken_above(nodes, node, thoughts)
            if given:
                reasoning = "\n\n".join([*reversed(given), *own])
                node.message = msgspec.structs.replace(node.message, reasoning=reasoning)
    for node_id, thought in thoughts.items():
        nodes[node_id].message = thought


def _taken_above(nodes: dict[str, Node], node: Node, thoughts: dict[str, Message]) -> list[str]:
    """The reasoning directly above `node`, nearest first, and take it away from there: each is looked at once."""
    taken = []
    parent = node.parent
    while parent is not None and (thought := thoughts.pop(parent, None)) is not None:
        taken.append(thought.reasoning or "")
        parent = nodes[parent].parent
    return taken


def _name_calls(conversation: Conversation) -> None:
    """Let an answer name the call above it; several may answer one call."""
    calls: dict[str, str] = {}
    for node in conversation.nodes:
        above = calls.get(node.parent or "")
        if node.message is None or node.message.role == "tool":
            if above:
                calls[node.original_id] = above
            if node.message is not None:
                node.message = msgspec.structs.replace(node.message, tool_call_id=above)
        elif node.message.tool_calls:
            calls[node.original_id] = node.message.tool_calls[0].id
