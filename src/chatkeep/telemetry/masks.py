"""Keep secrets out of what is written: by the name they stand under, and by how they look."""

import functools
import re
from collections.abc import Mapping

from structlog.typing import EventDict, WrappedLogger

_MASK = "***"
_MOST_CHARS = 4000  # of one text: lines wait in memory, and nobody reads on

# Why only a name's end: `tokens` and `time_to_first_token_ms` are what models count.
_SECRET_NAME = re.compile(r"authorization|api.?key|cookie|password|secret|token$", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"(?i:(?P<scheme>\bbearer)\s+)[^\s\"',;]+"  # RFC 6750, section 2.1
    r"|\bck_[A-Za-z0-9_-]{43,}"  # our own keys
    r"|\bsk-[A-Za-z0-9_-]{16,}"  # those of OpenAI, Anthropic, OpenRouter and others
    r"|\bAIza[A-Za-z0-9_-]{35}"  # Google's
    r"|\b(?:gsk_|xai-)[A-Za-z0-9]{16,}"  # Groq's and xAI's
)

_STARTS = ("ck_", "sk-", "AIza", "gsk_", "xai-")


def mask_secrets(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put `***` in place of every secret in `event`, however deep; what is no plain data becomes text."""
    for name, value in event.items():
        # An exception with its traceback is masked as text, by whoever writes it.
        if name != "exc_info":
            event[name] = _MASK if _is_secret(name) else _masked(value)
    return event


def mask_text(text: str) -> str:
    """`text` without what looks like a key, and cut when it is very long."""
    if len(text) > _MOST_CHARS:
        text = f"{text[:_MOST_CHARS]}…"
    # Why look first: the pattern begins anywhere, and searching for it costs 10 times as much.
    if any(start in text for start in _STARTS) or "bearer" in text.lower():
        return _SECRET_VALUE.sub(lambda found: f"{found['scheme']} {_MASK}" if found["scheme"] else _MASK, text)
    return text


def _masked(value: object) -> object:
    match value:
        case str():
            return mask_text(value)
        case None | bool() | int() | float():
            return value
        case bytes():
            return mask_text(value.decode(errors="backslashreplace"))
        case Mapping():
            return {
                str(_masked(name)): _MASK if _is_secret(str(name)) else _masked(each) for name, each in value.items()
            }
        case (str() | bytes() as name, _) if _is_secret(str(name)):
            return [_masked(name), _MASK]  # a header, as ASGI and most clients have them
        case list() | tuple() | set() | frozenset():
            return [_masked(each) for each in value]
        case _:
            return mask_text(repr(value))


@functools.lru_cache(1024)
def _is_secret(name: str) -> bool:
    """Whether what stands under `name` should not be seen."""
    return _SECRET_NAME.search(name) is not None
