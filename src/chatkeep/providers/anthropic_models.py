"""What Anthropic's models can, by what the service lists of them and by their names. Pure.

Format: Anthropic API reference, "List models"; the names of fields are those of its Python SDK, 2.12.
"""

import re

import msgspec

from chatkeep.providers.tokens import TokenCount

# Why a bound of our own: the format wants one with every request. Why this one: Opus 4 takes no more, and it fits
# beside a prompt that fills three quarters of a window of 200,000, of which more would be refused ("Context windows").
_REPLY_TOKENS = 32_000
_REPLY_TOKENS_BEFORE = (((3, 5), 4096), ((3, 7), 8192))  # generations before these take no more ("Models overview")
_REPLY_TOKENS_UNKNOWN = 8192  # other vendors' models behind this format

_LAST_WITH_PREFILL = (4, 5)  # 4.6 and later refuse it: API reference, "Errors", "Prefill not supported"
_FIRST_THAT_THINKS = (5, 0)  # unasked, and hides its thoughts when not told otherwise: "Controlling thinking display"

# claude-3-5-haiku-20241022, claude-2.1, claude-sonnet-4-20250514, claude-opus-4-5
_GENERATION = re.compile(r"claude(?:-[a-z]+)?-(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")


def can_prefill(model: str) -> bool:
    """Whether the model goes on with a last message of the assistant; no for names that tell no generation."""
    generation = _generation(model)
    return generation is not None and generation <= _LAST_WITH_PREFILL


def _generation(model: str) -> tuple[int, int] | None:
    found = _GENERATION.search(model)
    return (int(found[1]), int(found[2] or 0)) if found else None


class _Support(msgspec.Struct, frozen=True):
    supported: bool = False


class _ThinkingTypes(msgspec.Struct, frozen=True):
    adaptive: _Support = _Support()


class _Thinking(msgspec.Struct, frozen=True):
    types: _ThinkingTypes = _ThinkingTypes()


class _Capabilities(msgspec.Struct, frozen=True):
    thinking: _Thinking = _Thinking()
    image_input: _Support | None = None


class ListedModel(msgspec.Struct, frozen=True):
    """What the service tells of a model. A retired one takes no calls."""

    id: str
    context_tokens: TokenCount | None = msgspec.field(name="max_input_tokens", default=None)
    max_tokens: TokenCount | None = None
    lifecycle: str = "active"
    capabilities: _Capabilities | None = None

    @property
    def can_see(self) -> bool | None:
        """Whether it takes images, None when the service does not tell."""
        image_input = self.capabilities.image_input if self.capabilities is not None else None
        return None if image_input is None else image_input.supported

    @property
    def thinks_unasked(self) -> bool:
        """Whether it thinks when the request says nothing of it, and takes `adaptive` as the word for that."""
        generation = _generation(self.id)
        adaptive = self.capabilities is not None and self.capabilities.thinking.types.adaptive.supported
        return adaptive and generation is not None and generation >= _FIRST_THAT_THINKS


class _ModelPage(msgspec.Struct, frozen=True):
    """A page of GET /v1/models; the next one begins after `last_id`."""

    data: list[ListedModel]
    has_more: bool = False
    last_id: str | None = None


def decode_models(answer: bytes) -> tuple[list[ListedModel], str | None]:
    """Those of a page that take calls, newest first, and where the next one begins.

    Raises: msgspec.MsgspecError, ValueError.
    """
    page = msgspec.json.decode(answer, type=_ModelPage)
    return [model for model in page.data if model.lifecycle != "retired"], page.last_id if page.has_more else None


def reply_tokens(model: str, listed: ListedModel | None) -> int:
    """How long a reply may be when its request does not say."""
    if listed is not None and listed.max_tokens:
        return min(_REPLY_TOKENS, listed.max_tokens)
    generation = _generation(model)
    if generation is None:
        return _REPLY_TOKENS_UNKNOWN
    return next((tokens for first, tokens in _REPLY_TOKENS_BEFORE if generation < first), _REPLY_TOKENS)
