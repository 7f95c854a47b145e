"""Which of several forms of an answer a client prefers: RFC 9110, sections 12.4.2, 12.5.1 and 12.5.3."""

import re
from collections.abc import Sequence

_QUALITY = re.compile(r"q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)", re.IGNORECASE)

IDENTITY = "identity"
"""The coding that is none."""


def prefers(accept: str, media_type: str, to: str) -> bool:
    """Whether a client with this `Accept` header, empty for none, would rather have `media_type` than `to`."""
    qualities = _qualities(accept)
    return _of_type(qualities, media_type) > _of_type(qualities, to)


def coding_for(accept_encoding: str, there: Sequence[str]) -> str:
    """The best for a client with this `Accept-Encoding` header, empty for none. `there` has the best for us first.

    It is IDENTITY also where the client takes nothing that is there.
    """
    qualities = _qualities(accept_encoding)

    def quality(coding: str) -> float:
        return qualities.get(coding, qualities.get("*", 0.0))

    best = max(there, key=quality, default=IDENTITY)
    # Why not `*`: that is for codings; what has none is always taken, and rather where it is named.
    return best if quality(best) > 0 and quality(best) >= qualities.get(IDENTITY, 0.0) else IDENTITY


def _of_type(qualities: dict[str, float], media_type: str) -> float:
    """By the range that says most about it."""
    ranges = (media_type, f"{media_type.partition('/')[0]}/*", "*/*")
    return next((qualities[each] for each in ranges if each in qualities), 0.0)


def _qualities(header: str) -> dict[str, float]:
    """Each value in lower case, with its quality from 0 to 1. Other parameters make no difference here."""
    found: dict[str, float] = {}
    for item in header.split(","):
        value, *parameters = (part.strip() for part in item.split(";"))
        if value:
            found[value.lower()] = max(_quality(parameters), found.get(value.lower(), 0.0))
    return found


def _quality(parameters: Sequence[str]) -> float:
    """One that cannot be is none."""
    said = next((part for part in parameters if part.lower().startswith("q=")), "q=1")
    match = _QUALITY.fullmatch(said)
    return float(match[1]) if match else 0.0
