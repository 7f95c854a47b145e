"""Which messages go to the model: the system prompt, then as many of the latest as its window holds."""

from chatkeep.chat.model import Chat, Message
from chatkeep.chat.ports import ChatMessage
from chatkeep.errors import ContextTooLong

_BYTES_A_TOKEN = (
    3  # English has about 4 in the usual vocabularies, other scripts fewer: rather trim early than be refused
)
_MESSAGE_TOKENS = 8  # role and separators of one message in the usual chat templates
_REPLY_SHARE = 4  # left out, a quarter of the window is kept for the reply


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` has; rather too many than too few."""
    return len(text.encode()) // _BYTES_A_TOKEN + _MESSAGE_TOKENS


def check_fits(system_prompt: str, user: Message, *, window: int | None, max_tokens: int | None) -> int:
    """About how many tokens the system prompt and `user` are. Raises: ContextTooLong when that is too much."""
    used = (estimate_tokens(system_prompt) if system_prompt else 0) + estimate_tokens(user.text)
    room = _room(window, max_tokens)
    if room is not None and used > room:
        raise ContextTooLong(
            f"The message and the system prompt are about {used} tokens; the model has room for {room} and its reply."
        )
    return used


def fit(
    chat: Chat | None, system_prompt: str, user: Message, *, window: int | None, max_tokens: int | None
) -> tuple[list[ChatMessage], int]:
    """The messages to send, in order, and about how many tokens they are.

    `window` is the model's context in tokens, None when unknown: then nothing is left out. The system
    prompt and `user` are always sent. Raises: ContextTooLong when those two alone are too much.
    """
    head = [ChatMessage("system", system_prompt)] if system_prompt else []
    used = check_fits(system_prompt, user, window=window, max_tokens=max_tokens)
    room = _room(window, max_tokens)
    earlier: list[tuple[ChatMessage, int]] = []
    for message in reversed(chat.messages if chat else []):
        text = message.text
        if message.role == "system" or not (text or message.content):
            continue
        tokens = estimate_tokens(text)
        if room is not None and used + tokens > room:
            break
        used += tokens
        earlier.append((ChatMessage(message.role, message.content), tokens))
    # Why: a history that begins with a reply confuses models, and some services refuse it.
    while earlier and earlier[-1][0].role != "user":
        used -= earlier.pop()[1]
    return [*head, *(message for message, _ in reversed(earlier)), ChatMessage("user", user.content)], used


def _room(window: int | None, max_tokens: int | None) -> int | None:
    if window is None:
        return None
    reply = min(max_tokens or window // _REPLY_SHARE, window // 2)
    return window - reply
