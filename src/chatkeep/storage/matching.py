"""Find a query's words in a text: where they are, and how often. Pure; the expressions for the index: expression.py.

A long text is looked at in pieces, so that whoever looks can stop between two of them.
"""

import itertools
import re
from collections.abc import Iterator, Sequence

import msgspec

from chatkeep.chat.query import Item, Query
from chatkeep.storage.folding import WORD, fold, is_cjk

GRAM = 3  # characters of a trigram

_PIECE = 20_000  # characters of a text that are folded and looked at in one go: milliseconds
_SHARED = 2_000  # of them also in the next piece: twice what a query can have
_SPACE = re.compile(r"\s")

_COUNTED = 16  # occurrences of one item in one text: more say nothing new
_PART_OF_WORD = 0.4  # what an occurrence inside a longer word counts, where a whole word counts 1


class Hit(msgspec.Struct, frozen=True, order=True):
    """Where an item occurs in a folded text: characters from 0, `end` is behind the last. `item` is its number."""

    start: int
    end: int
    item: int


class Term:
    """One item of a query, ready to be looked for."""

    def __init__(self, item: Item) -> None:
        self.folded = fold(item.text).strip()
        self.words = WORD.findall(self.folded)
        self.is_plain = "".join(self.words) == self.folded
        # Short words are looked for whole: as parts of others they are everywhere. CJK has no words to be whole.
        self.is_whole = item.phrase or _is_short(self.words)
        self._pattern = re.compile(self._expression())

    def occurrences(self, folded: str) -> Iterator[tuple[int, int]]:
        """Where it is in a folded text, from and to, at most `_COUNTED` of them."""
        found = (span for span in self._everywhere(folded) if not self.is_whole or _stands_alone(folded, *span))
        return itertools.islice(found, _COUNTED)

    def weight(self, folded: str) -> float:
        """How often it is in a folded text; inside a longer word counts less, and 0 is not at all."""
        if self.is_plain and self.folded not in folded:
            return 0.0
        found = [*self.occurrences(folded)]
        whole = len(found) if self.is_whole else sum(_stands_alone(folded, *span) for span in found)
        return whole + _PART_OF_WORD * (len(found) - whole)

    def excludes(self, folded: str) -> bool:
        """Whether it is in a folded text as a whole word: `-art` does not leave out a party."""
        return any(_stands_alone(folded, *span) for span in self._everywhere(folded))

    def _everywhere(self, folded: str) -> Iterator[tuple[int, int]]:
        if not self.is_plain:
            yield from (found.span() for found in self._pattern.finditer(folded))
            return
        # Why not the pattern: this is most of what a search does, and takes a third of the time.
        start, length = folded.find(self.folded), len(self.folded)
        while start >= 0:
            yield start, start + length
            start = folded.find(self.folded, start + length)

    def _expression(self) -> str:
        """Its words with whatever is between them, or itself to the letter; what folds to nothing is nowhere."""
        literal = re.escape(self.folded) if self.folded else "(?!)"
        if not self.words:
            return literal
        # Why the words are not bounded here: an expression that begins with letters is looked for ten times as fast.
        words = r"[\W_]+".join(map(re.escape, self.words))
        return words if self.folded[0].isalnum() and self.folded[-1].isalnum() else f"{literal}|{words}"


class Matcher:
    """Tells of a folded text whether a query matches it, how well, and where."""

    def __init__(self, query: Query) -> None:
        self.groups = [[Term(item) for item in group] for group in query.all_of]
        self.excluded = [Term(item) for item in query.none_of]
        self.terms = [term for group in self.groups for term in group]

    def excludes(self, folded: str) -> bool:
        """Whether the text has something that is to be left out."""
        return any(term.excludes(folded) for term in self.excluded)

    def weights(self, folded: str) -> list[float]:
        """The weight of each of `terms` in the text."""
        return [term.weight(folded) for term in self.terms]

    def is_satisfied(self, weights: Sequence[float]) -> bool:
        """Whether by the weights of `terms` each group has one that occurs."""
        ordered = iter(weights)
        return all(any([*itertools.islice(ordered, len(group))]) for group in self.groups)

    def hits(self, folded: str) -> list[Hit]:
        """Where the terms occur, in order, those that overlap another left out."""
        found = sorted(
            Hit(start, end, number) for number, term in enumerate(self.terms) for start, end in term.occurrences(folded)
        )
        apart: list[Hit] = []
        for hit in found:
            if not apart or hit.start >= apart[-1].end:
                apart.append(hit)
        return apart


def pieces_of(text: str) -> Iterator[tuple[int, str]]:
    """The text in pieces, each with its place, cut at spaces: what stands on a cut is whole in one of the two.

    Limit: a text without a space for a thousand characters is cut anywhere, and a word may seem to begin or end there.
    """
    start, length = 0, len(text)
    while length - start > _PIECE:
        end = _space(text, start + _PIECE)
        yield start, text[start:end]
        start = _space(text, end - _SHARED)
    yield start, text[start:]


def _space(text: str, place: int) -> int:
    """Where the first space is in the next `_SHARED` / 2 characters; `place` itself when there is none."""
    found = _SPACE.search(text, place, place + _SHARED // 2)
    return found.start() if found else place


def _is_short(words: list[str]) -> bool:
    letters = "".join(words)
    return 0 < len(letters) < GRAM and not all(map(is_cjk, letters))


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether what is there is not a part of a longer word; in CJK it never is."""
    return (not text[start - 1 : start].isalnum() or is_cjk(text[start])) and (
        not text[end : end + 1].isalnum() or is_cjk(text[end - 1])
    )
