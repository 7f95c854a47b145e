"""Times as other programs write them."""

import math
from datetime import UTC, datetime

from chatkeep.chat.model import timestamp

# Seconds, milliseconds, microseconds or nanoseconds since 1970: no program writes dates of the year 5138 and later.
_UNITS = ((1e11, 1.0), (1e14, 1e3), (1e17, 1e6), (1e20, 1e9))


def moment_of(value: object) -> str | None:
    """`value` in the stored form; None when it is no time that a calendar from 1970 to 9999 has.

    A number counts from 1970 in seconds or, when it is too big for that, in a thousandth, millionth or
    billionth of them; text is ISO 8601, UTC where it names no zone.
    """
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.strip())
            return timestamp(found) if found.year >= 1970 else None  # noqa: PLR2004 - when the other form begins
        if isinstance(value, int | float) and not isinstance(value, bool):
            return _of_number(float(value))
    except (ValueError, OverflowError, OSError):
        pass
    return None


def _of_number(value: float) -> str | None:
    if not math.isfinite(value) or value < 0:
        return None
    for bound, unit in _UNITS:
        if value < bound:
            return timestamp(datetime.fromtimestamp(value / unit, UTC))
    return None
