"""The archives that are known, by the names that people call them by."""

from enum import StrEnum


class Format(StrEnum):
    """What an archive may be."""

    CHATGPT = "chatgpt"
    CLAUDE = "claude"
    OPENWEBUI = "openwebui"
    LIBRECHAT = "librechat"
    LLM = "llm"
    CHATS_FOLDER = "chats-folder"
    CHATKEEP = "chatkeep"
