"""What may go to a terminal."""

import re

# Why: what models, servers and other people wrote could be commands to it. ESC begins them, C1 as well: ECMA-48.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """`text` without what a terminal would obey; lines and tabs stay."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def in_a_line(text: str) -> str:
    """The same in one line."""
    return " ".join(printable(text).split())
