"""What somebody searches for: the text they type, as a tree. What matches it is the store's business.

The syntax is that of web searches. Words must all occur; `"an exact phrase"` in its order; `-word` or `-"a phrase"`
not at all; `OR`, in any case, between two of them is satisfied by either and binds closer than a space. Every other
character is plain text; a word without a letter, digit or symbol is passed over when it is shorter than three.
"""

import re
import unicodedata

import msgspec

from chatkeep.errors import InvalidRequest

MOST_CHARS = 1000  # of the whole text
MOST_ITEMS = 32  # words and phrases

_LEAST_CHARS = 3  # of a word that is punctuation alone
_SYMBOLS = {"So", "Sc", "Sm", "Sk", "Co", "Cn"}
_QUOTES = '"“”„'  # phones type the curly ones
_PART = re.compile(
    rf"(?P<minus>-*)(?:[{_QUOTES}](?P<phrase>[^{_QUOTES}]*)(?P<end>[{_QUOTES}]?)|(?P<word>[^\s\0{_QUOTES}]+))"
)


class Item(msgspec.Struct, frozen=True):
    """One word, or one phrase, as it was typed but for quotes and the space around it. Never empty."""

    text: str
    phrase: bool = False


class Query(msgspec.Struct, frozen=True):
    """A message matches when it has an item of every group in `all_of`, and none of `none_of`.

    There is at least one group, and at least one item in each.
    """

    all_of: tuple[tuple[Item, ...], ...]
    none_of: tuple[Item, ...] = ()


class _Part(msgspec.Struct):
    """An item where it was found: `place` is its first character, counted from 1."""

    item: Item
    place: int
    excluded: bool

    @property
    def says_or(self) -> bool:
        return not self.excluded and not self.item.phrase and self.item.text.casefold() == "or"


def parse_query(text: str) -> Query:
    """The tree of `text`. Raises: InvalidRequest, whose message names the character, counted from 1."""
    _check_characters(text)
    parts = _parts(text)
    groups = _groups(parts)
    excluded = [part for part in parts if part.excluded]
    items = sorted(part.place for group in (*groups, excluded) for part in group)
    if len(items) > MOST_ITEMS:
        raise _refusal(f"has more than {MOST_ITEMS} words and phrases", items[MOST_ITEMS])
    if not groups:
        why = "says only what to leave out: say what to find as well" if excluded else "holds nothing to search for"
        raise _refusal(why, excluded[0].place if excluded else 1)
    return Query(tuple(tuple(part.item for part in group) for group in groups), tuple(part.item for part in excluded))


def _check_characters(text: str) -> None:
    if len(text) > MOST_CHARS:
        raise _refusal(f"is longer than {MOST_CHARS:,} characters", MOST_CHARS + 1)
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise _refusal("holds half of a character", exc.start + 1) from exc


def _parts(text: str) -> list[_Part]:
    found = []
    for match in _PART.finditer(text):
        place = match.start() + 1
        if match["phrase"] is not None and not match["end"]:
            raise _refusal("opens a quote that is not closed", match.start() + len(match["minus"]) + 1)
        # Why: `a - b` and `--` are dashes as people type them, and leave nothing out.
        item = Item(" ".join(re.split(r"[\s\0]+", match["phrase"] or match["word"] or "")).strip(), not match["word"])
        if _says_something(item.text):
            found.append(_Part(item, place, bool(match["minus"])))
    return found


def _groups(parts: list[_Part]) -> list[list[_Part]]:
    """The wanted items, joined where an OR stands between two. At either end it is a word."""
    groups: list[list[_Part]] = []
    joining = False
    for before, part, after in zip([None, *parts], parts, [*parts[1:], None], strict=False):
        if part.says_or and not joining and before is not None and after is not None:
            if before.excluded or after.excluded:
                raise _refusal("joins by OR what is to be left out", part.place)
            joining = True
            continue
        if joining:
            groups[-1].append(part)
        elif not part.excluded:
            groups.append([part])
        joining = False
    return groups


def _says_something(text: str) -> bool:
    return len(text) >= _LEAST_CHARS or any(c.isalnum() or _is_symbol(c) for c in text)


def _is_symbol(character: str) -> bool:
    """An emoji or another sign that people look for by itself, unlike the ASCII ones; also one newer than Python."""
    return not character.isascii() and unicodedata.category(character) in _SYMBOLS


def _refusal(why: str, place: int) -> InvalidRequest:
    message = f"{why} (character {place})"
    return InvalidRequest(f"The query {message}.", errors=(("query", message),))
