"""How text is made comparable: without case, accents and widths, and cut into what the word table holds.

Pure. A change here needs a new version of the index: it deletes what it holds by giving the same text again.
"""

import re
import sys
import unicodedata
from collections.abc import Sequence

WORD = re.compile(r"[^\W_]+")

_COMBINING = range(0x300, 0x370)  # Unicode block Combining Diacritical Marks: what `remove_diacritics` removes
# Latin with accents, Greek and Cyrillic, more Latin and Greek, ligatures, letters of double width.
_BLOCKS = (range(0xC0, 0x250), range(0x370, 0x530), range(0x1E00, 0x2000), range(0xFB00, 0xFB07), range(0xFF01, 0xFF5F))
# NUL, sharp s, the final sigma, typographic quotes, the wide space.
_OTHERS = {"\0": " ", "ß": "ss", "\u03c2": "\u03c3", "\u2018": "'", "\u2019": "'", "“": '"', "”": '"', "\u3000": " "}

# Scripts written without spaces, or with endings that stick to the word: Han, Kana, Hangul.
_CJK = r"\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9f"
# Signs that are words by themselves: currencies, arrows, mathematics, and all beyond the first plane: emoji, rare Han.
_SIGNS = r"\u20a0-\u20cf\u2100-\u2bff\ue000-\uf8ff\U00010000-\U0010ffff"
_IS_CJK = re.compile(f"[{_CJK}]")
_SPREAD = re.compile(f"[{_CJK}{_SIGNS}]")
_RUNS = re.compile(f"[{_CJK}]+|[{_SIGNS}]")


def _folded(character: str) -> str:
    letters = unicodedata.normalize("NFKD", character.lower())
    return "".join(_OTHERS.get(c, c) for c in letters if ord(c) not in _COMBINING)


_FOLDS = {
    **{c: folded for block in _BLOCKS for c in map(chr, block) if (folded := _folded(c)) != c},
    **{chr(code): "" for code in _COMBINING},
    **_OTHERS,
}
_FOLDED = re.compile(f"[{re.escape(''.join(_FOLDS))}]")
# Characters whose folded form is not one character: those shift what follows them.
_UNEVEN = re.compile(f"[{re.escape(''.join(c for c, folded in _FOLDS.items() if len(folded) != 1))}]")
_NONE = (sys.maxsize, 1)


def fold(text: str) -> str:
    """`text` as it is compared: "Café" is "cafe", "Straße" is "strasse"."""
    text = text.lower()
    if text.isascii() and "\0" not in text:
        return text
    return _FOLDED.sub(lambda found: _FOLDS[found[0]], text)


def spread(folded: str) -> str:
    """Folded text as the word table takes it: a run of CJK as its overlapping pairs, a sign as a word of ASCII.

    So words of two characters are found in scripts that have no spaces, and emoji whatever Unicode SQLite knows.
    """
    # Why look first: most texts that are not ASCII hold a dash or an accent and nothing to spread.
    return folded if folded.isascii() or not _SPREAD.search(folded) else _RUNS.sub(_spread_run, folded)


def characters(folded: str) -> str:
    """The CJK characters of folded text, each once, with spaces between; empty for most texts."""
    return "" if folded.isascii() else " ".join(sorted(_IS_CJK.findall("".join(set(folded)))))


def is_cjk(character: str) -> bool:
    """Whether it is of a script that is cut into pairs."""
    return _IS_CJK.match(character) is not None


def places_in(text: str, places: Sequence[int]) -> list[int]:
    """Where the places of `fold(text)`, which ascend, are in `text`."""
    found, shift = [], 0
    uneven = ((each.start(), len(fold(each[0]))) for each in _UNEVEN.finditer(text))
    start, length = next(uneven, _NONE)
    for place in places:
        # What folds to nothing belongs to what is before it: an accent to its letter.
        while start + shift + length <= place:
            shift += length - 1
            start, length = next(uneven, _NONE)
        found.append(min(place - shift, len(text)))
    return found


def _spread_run(found: re.Match[str]) -> str:
    run = found[0]
    if is_cjk(run[0]):
        pairs = [run[place : place + 2] for place in range(len(run) - 1)]
        return f" {' '.join(pairs or [run])} "
    return f" u{ord(run):x} "
