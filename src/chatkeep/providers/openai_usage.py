"""What chat completions say of their tokens, each service in its way.

Format: OpenAI API reference, "Chat", the usage of a chunk.
"""

import msgspec
from msgspec import UNSET, UnsetType

from chatkeep.chat.model import Usage
from chatkeep.providers.tokens import TokenCount

_NULL = msgspec.Raw(b"null")


class _Usage(msgspec.Struct, frozen=True, gc=False):
    prompt_tokens: TokenCount | None = None
    completion_tokens: TokenCount | None = None
    total_tokens: TokenCount | None = None
    prompt_tokens_details: msgspec.Raw = _NULL
    completion_tokens_details: msgspec.Raw = _NULL
    prompt_cache_hit_tokens: msgspec.Raw = _NULL  # DeepSeek


class _Details(msgspec.Struct, frozen=True, gc=False):
    cached_tokens: msgspec.Raw = _NULL
    reasoning_tokens: msgspec.Raw = _NULL


_usage_decoder = msgspec.json.Decoder(_Usage | None, strict=False)
_details_decoder = msgspec.json.Decoder(_Details | None)
_count_decoder = msgspec.json.Decoder(TokenCount | None, strict=False)


def decode_usage(raw: msgspec.Raw) -> Usage | None:
    """The counts of a chunk's `usage`; None when there are none, or they cannot be: they must not cost the reply."""
    try:
        usage = _usage_decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError):
        return None
    if usage is None or (usage.prompt_tokens is None and usage.completion_tokens is None):
        return None
    prompt, completion = usage.prompt_tokens or 0, usage.completion_tokens or 0
    cached = _count(_details(usage.prompt_tokens_details).cached_tokens)
    if cached is UNSET:
        cached = _count(usage.prompt_cache_hit_tokens)
    reasoning = _count(_details(usage.completion_tokens_details).reasoning_tokens)
    total = usage.total_tokens or prompt + completion
    if reasoning is not UNSET and total == prompt + completion + reasoning:
        completion += reasoning  # xAI and Gemini leave them out
    return Usage(
        prompt,
        completion,
        total,
        cached_tokens=cached if cached is not UNSET and cached <= prompt else UNSET,
        reasoning_tokens=reasoning if reasoning is not UNSET and reasoning <= completion else UNSET,
    )


def _details(raw: msgspec.Raw) -> _Details:
    """Empty when there are none, or what cannot be."""
    try:
        return _details_decoder.decode(raw) or _Details()
    except msgspec.MsgspecError:
        return _Details()


def _count(raw: msgspec.Raw) -> int | UnsetType:
    """UNSET when it is none."""
    try:
        count = _count_decoder.decode(raw)
    except (msgspec.MsgspecError, ValueError):
        return UNSET
    return UNSET if count is None else count
