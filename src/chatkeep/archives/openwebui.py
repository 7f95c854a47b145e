"""Open WebUI's export: a list of `{id, title, chat, created_at, updated_at}`, where `chat.history` is the tree.

`history` is `{messages: {id: {id, parentId, childrenIds, role, content, timestamp, model}}, currentId}`; times are
seconds. From Open WebUI's `backend/open_webui/models/chats.py` and exports as LibreChat tests with them
(`api/server/utils/import/__data__/openwebui-export.json`). A reply of newer versions has `output`, its parts in the
Responses API's form; in `content` its reasoning and calls stand as `<details type="…">`.
"""

import re

from chatkeep.archives.blocks import Answered, Block, Called, Said, Thought
from chatkeep.archives.conversation import Conversation, unnamed
from chatkeep.archives.elements import Element, Json
from chatkeep.archives.record import Records, one_line
from chatkeep.archives.shapes import arguments_of, at, dict_in, file_name, list_in, text_in
from chatkeep.archives.tree import put_in_order, records
from chatkeep.chat.model import Message, Role, Usage

SOURCE = "openwebui"

_ROLES: dict[str, Role] = {"user": "user", "assistant": "assistant", "system": "system", "tool": "tool"}
_DETAILS = re.compile(
    r'<details type="reasoning"[^>]*>\s*(?:<summary>[^<]*</summary>)?(.*?)</details>\s*', re.DOTALL | re.IGNORECASE
)
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#x27;", "'"), ("&amp;", "&"))


def records_of(element: Element) -> Records:
    """The chat that a conversation is, and what is not in it."""
    value = element.value
    chat = dict_in(value, "chat") or (value if isinstance(value, dict) else {})
    conversation = Conversation(SOURCE, text_in(value, "id") or unnamed(value), element.where, element.notes)
    conversation.title = text_in(value, "title") or text_in(chat, "title")
    created = at(value, "created_at") if at(value, "created_at") is not None else at(chat, "timestamp")
    conversation.created_at = conversation.moment(created, "created_at")
    conversation.last_updated = conversation.moment(at(value, "updated_at"), "updated_at")
    conversation.current = text_in(dict_in(chat, "history"), "currentId") or None
    root = _add_system(conversation, text_in(chat, "system") or text_in(dict_in(chat, "params"), "system"))
    for what in list_in(chat, "files"):
        conversation.note(f"file {file_name(what)} of the whole chat: left out")
    _add_messages(conversation, chat, root)
    put_in_order(conversation)
    yield from records(conversation)


def _add_system(conversation: Conversation, text: str) -> str | None:
    """The chat's own system prompt as a message; its id, None without one."""
    if not text:
        return None
    conversation.node("system", None, Message(role="system", content=text))
    return "system"


def _add_messages(conversation: Conversation, chat: dict[str, Json], root: str | None) -> None:
    tree = dict_in(dict_in(chat, "history"), "messages")
    if tree:
        for message_id, message in tree.items():
            _add_message(conversation, message_id, message, text_in(message, "parentId") or root)
        return
    before = root
    for message in list_in(chat, "messages"):  # chats from before there were branches have the list alone
        message_id = text_in(message, "id") or unnamed(message)
        _add_message(conversation, message_id, message, before)
        before = message_id


def _add_message(conversation: Conversation, message_id: str, message: Json, parent: str | None) -> None:
    role = _ROLES.get(text_in(message, "role"))
    if role is None:
        conversation.note(f"its role is {text_in(message, 'role')!r}, which is none of ours; left out", message_id)
        conversation.node(message_id, parent, None)
        return
    left_out = [f"file {file_name(each)}" for each in list_in(message, "files")]
    blocks = _blocks(message, left_out)
    if error := _error(message):
        conversation.note(f"the reply failed: {error}", message_id)
    conversation.add(message_id, parent, blocks, _bare(conversation, message_id, message, role), left_out)


def _bare(conversation: Conversation, message_id: str, message: Json, role: Role) -> Message:
    """The message without its text."""
    timestamp = conversation.moment(at(message, "timestamp"), "timestamp", message_id)
    if role != "assistant":
        return Message(role=role, content="", timestamp=timestamp)
    has_failed, is_cut = bool(_error(message)), at(message, "done") is False
    return Message(
        role=role,
        content="",
        timestamp=timestamp,
        model=text_in(message, "model") or text_in(message, "modelName") or None,
        status="failed" if has_failed else "interrupted" if is_cut else "complete",
        error="provider_error" if has_failed else None,
        usage=_usage(dict_in(message, "usage") or dict_in(message, "info")),
    )


def _error(message: Json) -> str:
    found = at(message, "error")
    if isinstance(found, dict):
        return text_in(found, "content") or text_in(found, "message") or "error"
    return found if isinstance(found, str) else "error" if found is True else ""


def _usage(said: dict[str, Json]) -> Usage | None:
    """Tokens by OpenAI's names or by Ollama's; None unless both are told."""
    for asked_name, made_name in (("prompt_tokens", "completion_tokens"), ("prompt_eval_count", "eval_count")):
        asked, made = said.get(asked_name), said.get(made_name)
        if isinstance(asked, int) and isinstance(made, int) and 0 <= asked < 2**53 and 0 <= made < 2**53:
            return Usage(asked, made, asked + made)
    return None


def _blocks(message: Json, left_out: list[str]) -> list[Block]:
    blocks = [block for item in list_in(message, "output") if (block := _output(item, left_out)) is not None]
    if blocks:
        return blocks
    content = at(message, "content")
    if isinstance(content, list):
        text = "\n".join(filter(None, (_part(part, left_out) for part in content)))
    else:
        text = text_in(message, "content")
    return _split(text) if text_in(message, "role") == "assistant" else [Said(text)]


def _part(part: Json, left_out: list[str]) -> str:
    if text_in(part, "type") in {"text", "input_text", "output_text"}:
        return text_in(part, "text")
    left_out.append(one_line(text_in(part, "type") or "a part of no known form", 40))
    return ""


def _output(item: Json, left_out: list[str]) -> Block | None:
    match text_in(item, "type"):
        case "message":
            return Said("\n".join(filter(None, (_part(part, left_out) for part in list_in(item, "content")))))
        case "reasoning":
            parts = [*list_in(item, "content"), *list_in(item, "summary")]
            return Thought("\n".join(filter(None, (text_in(part, "text") for part in parts))))
        case "function_call":
            arguments = arguments_of(at(item, "arguments"))
            return Called(text_in(item, "call_id") or text_in(item, "id"), text_in(item, "name"), arguments)
        case "function_call_output":
            parts = list_in(item, "output")
            text = text_in(item, "output") or "\n".join(filter(None, (_part(part, left_out) for part in parts)))
            return Answered(text_in(item, "call_id"), "", text)
        case kind:
            left_out.append(f"output of the kind {one_line(kind, 40)!r}")
    return None


def _split(text: str) -> list[Block]:
    """The reasoning that stands in a reply's text, and the reply."""
    blocks: list[Block] = [Thought(_plain(found.group(1))) for found in _DETAILS.finditer(text)]
    return [*blocks, Said(_DETAILS.sub("", text).strip() if blocks else text)]


def _plain(quoted: str) -> str:
    """Reasoning as it was thought: Open WebUI quotes each line with `> ` and escapes it for HTML."""
    for entity, char in _ENTITIES:
        quoted = quoted.replace(entity, char)
    return "\n".join(line.removeprefix(">").removeprefix(" ") for line in quoted.strip().split("\n"))
