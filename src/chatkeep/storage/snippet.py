"""A piece of a message's text around what was found in it, with the marks that the contract names."""

from collections.abc import Callable, Sequence

from chatkeep.chat.ports import MARK_END, MARK_START
from chatkeep.storage.folding import fold, places_in
from chatkeep.storage.matching import Hit, Matcher, pieces_of

_CHARS = 200  # at most, without the marks
_BEFORE = 60  # of them before the first hit
_HITS = 64  # looked at
# A message may hold any character: its own marks are replaced, and lines become one.
_SHOWN = str.maketrans({MARK_START: "\ufffd", MARK_END: "\ufffd", **dict.fromkeys("\n\r\t\v\f\x85\u2028\u2029", " ")})


def snippet_of(text: str, matcher: Matcher, check: Callable[[], None], start: int = 0, end: int | None = None) -> str:
    """At most `_CHARS` characters of `text` where most of the query is, each hit between the marks, `…` where cut.

    In a long text that is in the first piece with a hit between `start` and `end`; its beginning when there is none.
    `check` is called before each piece. Raises: what `check` raises.
    """
    found = _first_hits(text[start:end], matcher, check, start)
    begin = _begin(text, found)
    end = min(len(text), begin + _CHARS - 2)
    pieces, place = [], begin
    for hit in found:
        if begin <= hit.start and hit.start < hit.end <= end:
            pieces += [text[place : hit.start].translate(_SHOWN), MARK_START]
            pieces += [text[hit.start : hit.end].translate(_SHOWN), MARK_END]
            place = hit.end
    pieces.append(text[place:end].translate(_SHOWN))
    return ("…" if begin else "") + "".join(pieces).strip() + ("…" if end < len(text) else "")


def _first_hits(text: str, matcher: Matcher, check: Callable[[], None], start: int) -> list[Hit]:
    """The hits of the first piece of `text` that has any, with `start` added to their places."""
    for place, piece in pieces_of(text):
        check()
        if hits := matcher.hits(fold(piece))[:_HITS]:
            edges = places_in(piece, [edge for hit in hits for edge in (hit.start, hit.end)])
            edges = [start + place + edge for edge in edges]
            return [Hit(edges[2 * n], edges[2 * n + 1], hit.item) for n, hit in enumerate(hits)]
    return []


def _begin(text: str, hits: Sequence[Hit]) -> int:
    """Where the piece begins: at a word, some way before the hit that most other items follow closely."""
    if not hits:
        return 0
    best = max(hits, key=lambda first: (len({hit.item for hit in hits if _is_near(first, hit)}), -first.start))
    begin = max(0, min(best.start - _BEFORE, len(text) - _CHARS + 2))
    # Why not to the next space whatever comes: there may be none for long, as in CJK.
    space = text.find(" ", begin, min(best.start, begin + _BEFORE // 2)) if begin else -1
    return space + 1 if space >= 0 else begin


def _is_near(first: Hit, hit: Hit) -> bool:
    return first.start <= hit.start and hit.end <= first.start + _CHARS - _BEFORE
