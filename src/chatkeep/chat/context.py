"""Which messages go to the model: the system prompt, then as many of the latest as its window holds."""

from collections.abc import Iterator, Sequence

from chatkeep.chat.continuation import first_piece, first_question_at, joined
from chatkeep.chat.images import TOKENS, images_in
from chatkeep.chat.model import Message, denial_in, text_of
from chatkeep.chat.ports import ChatMessage
from chatkeep.errors import ContextTooLong

BYTES_A_TOKEN = (
    3  # English has about 4 in the usual vocabularies, other scripts fewer: rather trim early than be refused
)
_MESSAGE_TOKENS = 8  # role and separators of one message in the usual chat templates
_REPLY_SHARE = 4  # left out, a quarter of the window is kept for the reply


def estimate_tokens(text: str) -> int:
    """About how many tokens `text` has; rather too many than too few."""
    return len(text.encode()) // BYTES_A_TOKEN + _MESSAGE_TOKENS


def check_fits(
    before: Sequence[Message],
    system_prompt: str,
    user: Message,
    *,
    window: int | None,
    max_tokens: int | None,
    continues: str | None = None,
) -> None:
    """Return when `fit` would find room for what is always sent. Raises: ContextTooLong."""
    _, asked = _parted(before, user, continues)
    _check_room([*_head(system_prompt), *_sent(asked)], _room(window, max_tokens))


def fit(
    before: Sequence[Message],
    system_prompt: str,
    user: Message,
    *,
    window: int | None,
    max_tokens: int | None,
    continues: str | None = None,
) -> tuple[list[ChatMessage], int]:
    """The messages to send, in order, and about how many tokens they are.

    `before` is what the turn follows; it may end with `user` itself, which is then asked again. `window` is the model's
    context in tokens, None when unknown: then nothing is left out but what a check denied. The system prompt and `user`
    are always sent, and when the reply `continues` is gone on with, everything from its question on; its pieces are one
    message, the last one unless `user` asks to go on. A call of tools is sent with all its answers or not at all.
    Raises: ContextTooLong when what is always sent is too much.
    """
    earlier, asked = _parted(before, user, continues)
    head, tail = _head(system_prompt), _sent(asked)
    room = _room(window, max_tokens)
    used = _check_room([*head, *tail], room)
    older: list[tuple[list[ChatMessage], int]] = []
    for unit in _units(earlier):
        tokens = _tokens(unit)
        if room is not None and used + tokens > room:
            break
        used += tokens
        older.append((unit, tokens))
    # Why: a history that begins with a reply confuses models, and some services refuse it.
    while older and older[-1][0][0].role != "user":
        used -= older.pop()[1]
    return [*head, *(message for unit, _ in reversed(older) for message in unit), *tail], used


def _parted(
    messages: Sequence[Message], user: Message, continues: str | None
) -> tuple[Sequence[Message], Sequence[Message]]:
    """What may be left out, and what must be sent."""
    if continues is None:
        is_asked_again = user.id is not None and bool(messages) and messages[-1].id == user.id
        return messages[:-1] if is_asked_again else messages, [user]
    place = next((number for number, message in enumerate(messages) if message.id == continues), None)
    if place is None:
        return messages, [user]
    begin = first_question_at(messages, place)
    asked = messages[begin : place + 1]
    return messages[:begin], asked if any(message.id == user.id for message in asked) else [*asked, user]


def _head(system_prompt: str) -> list[ChatMessage]:
    return [ChatMessage("system", system_prompt)] if system_prompt else []


def _sent(messages: Sequence[Message]) -> list[ChatMessage]:
    return [message for unit in reversed(list(_units(messages))) for message in unit]


def _units(messages: Sequence[Message]) -> Iterator[list[ChatMessage]]:
    """What is sent of `messages`, newest first, in parts that only make sense whole."""
    end = len(messages)
    while end:
        last = messages[end - 1]
        if last.role != "tool" and not last.continues and not last.tool_calls:
            end -= 1  # Why apart: nearly all messages are so, and a long chat has thousands
            if _is_sent(last):
                yield [ChatMessage(last.role, last.content)]
            continue
        answers_at = end
        while answers_at and messages[answers_at - 1].role == "tool":
            answers_at -= 1
        if not answers_at:
            return
        begin = first_piece(messages, answers_at - 1)
        unit = _unit(messages[begin:answers_at], messages[answers_at:end])
        if unit:
            yield unit
        end = begin


def _is_sent(message: Message) -> bool:
    return message.role != "system" and bool(message.content) and not (message.checks and denial_in(message.checks))


def _unit(pieces: Sequence[Message], answers: Sequence[Message]) -> list[ChatMessage]:
    """A message, which may be in pieces, and the answers to the tools it calls.

    Why not all that is stored: services refuse a call without its answer, and an answer without its call.
    """
    pieces = [piece for piece in pieces if denial_in(piece.checks) is None]
    if not pieces or pieces[-1].role == "system":
        return []
    last = pieces[-1]
    calls = last.tool_calls or []
    contents = {answer.tool_call_id: answer.content for answer in reversed(answers)}
    if any(call.id not in contents for call in calls):
        calls = []
    content = last.content if len(pieces) == 1 else joined(pieces)
    if not (content or calls):
        return []
    return [
        ChatMessage(last.role, content, calls),
        *(ChatMessage("tool", contents[call.id], tool_call_id=call.id) for call in calls),
    ]


def _tokens(messages: Sequence[ChatMessage]) -> int:
    tokens = 0
    for message in messages:
        content = message.content
        if isinstance(content, str):  # nearly all are
            tokens += estimate_tokens(content)
        else:
            tokens += estimate_tokens(text_of(content)) + TOKENS * len(images_in(content))
        for call in message.tool_calls:
            tokens += estimate_tokens(call.name + call.arguments)
    return tokens


def _check_room(messages: Sequence[ChatMessage], room: int | None) -> int:
    used = _tokens(messages)
    if room is not None and used > room:
        raise ContextTooLong(
            f"The message and the system prompt are about {used} tokens; the model has room for {room} and its reply."
        )
    return used


def _room(window: int | None, max_tokens: int | None) -> int | None:
    if window is None:
        return None
    reply = min(max_tokens or window // _REPLY_SHARE, window // 2)
    return window - reply
