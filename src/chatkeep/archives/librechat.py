"""LibreChat's JSON export of one conversation: flat `messages`, or a tree of `children` in `messagesTree`.

From LibreChat's `client/src/hooks/Conversations/useExportConversation.ts`, which writes it, and
`api/server/utils/import/importers.js`, which reads it. A message is `{messageId, parentMessageId, sender,
isCreatedByUser, text, content, model, createdAt, error, unfinished}`; `content` has parts (text, think, tool_call …)
where a reply is more than text. The first one's parent is the id of zeros.
"""

from chatkeep.archives.blocks import Answered, Block, Called, Said, Thought
from chatkeep.archives.conversation import Conversation, unnamed
from chatkeep.archives.elements import Element, Json
from chatkeep.archives.record import Records, one_line
from chatkeep.archives.shapes import arguments_of, at, dict_in, file_name, list_in, text_in
from chatkeep.archives.tree import put_in_order, records
from chatkeep.chat.model import Message, Role

SOURCE = "librechat"

_NO_PARENT = "00000000-0000-0000-0000-000000000000"


def records_of(element: Element) -> Records:
    """The chat that a conversation is, and what is not in it."""
    value = element.value
    conversation = Conversation(
        SOURCE, text_in(value, "conversationId") or unnamed(value), element.where, element.notes
    )
    conversation.title = text_in(value, "title")
    conversation.created_at = conversation.moment(at(value, "createdAt"), "createdAt")
    conversation.last_updated = conversation.moment(at(value, "updatedAt"), "updatedAt")
    root = None
    if prompt := text_in(dict_in(value, "options"), "promptPrefix"):
        root = "system"
        conversation.node(root, None, Message(role="system", content=prompt))
    _add_messages(conversation, value, root)
    put_in_order(conversation)
    yield from records(conversation)


def _add_messages(conversation: Conversation, value: Json, root: str | None) -> None:
    before = root
    waiting: list[tuple[Json, str | None]] = []
    for message in list_in(value, "messages"):
        said = text_in(message, "parentMessageId")
        waiting.append((message, root if said == _NO_PARENT else said or before))
        before = text_in(message, "messageId") or unnamed(message)
    waiting += [(message, root) for message in list_in(value, "messagesTree")]
    waiting.reverse()
    while waiting:
        message, parent = waiting.pop()
        message_id = _add_message(conversation, message, parent)
        waiting += [(child, message_id) for child in reversed(list_in(message, "children"))]


def _add_message(conversation: Conversation, message: Json, parent: str | None) -> str:
    """Add a message and return its id."""
    message_id = text_in(message, "messageId") or unnamed(_childless(message))
    by_user = at(message, "isCreatedByUser")
    if not isinstance(by_user, bool):
        conversation.note("does not say who wrote it (isCreatedByUser); left out", message_id)
        conversation.node(message_id, parent, None)
        return message_id
    left_out = [f"file {file_name(each)}" for each in [*list_in(message, "files"), *list_in(message, "attachments")]]
    blocks: list[Block] = []
    for part in list_in(message, "content"):
        blocks += _blocks(part, left_out)
    if not blocks and (text := text_in(message, "text")):
        blocks.append(Said(text))
    conversation.add(
        message_id,
        parent,
        blocks,
        _bare(conversation, message_id, message, "user" if by_user else "assistant"),
        left_out,
    )
    return message_id


def _childless(message: Json) -> Json:
    if not isinstance(message, dict):
        return message
    return {key: value for key, value in message.items() if key != "children"}


def _bare(conversation: Conversation, message_id: str, message: Json, role: Role) -> Message:
    """The message without its text."""
    timestamp = conversation.moment(at(message, "createdAt"), "createdAt", message_id)
    if role == "user":
        return Message(role=role, content="", timestamp=timestamp)
    has_failed, is_cut = at(message, "error") is True, at(message, "unfinished") is True
    return Message(
        role=role,
        content="",
        timestamp=timestamp,
        model=text_in(message, "model") or None,
        status="failed" if has_failed else "interrupted" if is_cut else "complete",
        error="provider_error" if has_failed else None,
        finish_reason=text_in(message, "finish_reason") or None,
    )


def _blocks(part: Json, left_out: list[str]) -> list[Block]:
    kind = text_in(part, "type")
    match kind:
        case "text" | "error":
            return [Said(text_in(part, "text") or text_in(dict_in(part, "text"), "value") or text_in(part, "error"))]
        case "think":
            return [Thought(text_in(part, "think") or text_in(dict_in(part, "think"), "value"))]
        case "tool_call":
            return _call(dict_in(part, "tool_call"))
        case _ if part is not None:
            left_out.append(f"a part of the kind {one_line(kind, 40)!r}")
    return []


def _call(call: dict[str, Json]) -> list[Block]:
    """A call with its answer: in LibreChat's own form, or in that of OpenAI's Assistants."""
    function = dict_in(call, "function")
    name = text_in(call, "name") or text_in(function, "name") or text_in(call, "type")
    arguments = call["args"] if "args" in call else function.get("arguments", call.get("code_interpreter"))
    blocks: list[Block] = [Called(text_in(call, "id"), name, arguments_of(arguments))]
    if output := text_in(call, "output") or text_in(function, "output"):
        blocks.append(Answered(text_in(call, "id"), name, output))
    return blocks
