"""Ids of what is imported: always the same for the same thing, so that importing twice imports nothing twice."""

from chatkeep.chat.model import Origin, digest, imported_id, is_chat_id


def chat_id_of(source: str, original_id: str) -> str:
    """The id of the chat: the original one where it may be one of ours."""
    return original_id if is_chat_id(original_id) else imported_id(Origin(source, original_id))


def message_id_of(source: str, chat_id: str, original_id: str) -> str:
    """The id of a message. Ids of other programs are unique within their conversation only."""
    return f"msg_{digest(f'{source} {chat_id} {original_id}')[:30]}"
