"""Answer a search from the index: candidates from the two tables, then each text is read, checked and ranked.

Every step is bounded, so that a word in a million messages costs as much as one in a thousand: the newest matches are
taken, newest in the order the index came to know them. FTS5's own bm25() is not used: it reads every message that
has the word, everybody's, before it ranks one.
"""

import contextlib
import json
import math
import operator
import sqlite3
from collections.abc import Callable, Iterator

import msgspec

from chatkeep.chat.ports import MOST_FOUND, SearchHit, SearchPage
from chatkeep.chat.query import Query
from chatkeep.storage.expression import trigram_expression, word_expression, words_of
from chatkeep.storage.folding import fold
from chatkeep.storage.matching import Matcher, pieces_of
from chatkeep.storage.snippet import snippet_of
from chatkeep.storage.texts import numbers_of

_MOST_CANDIDATES = MOST_FOUND  # messages with all trigrams of a query that are read to see whether they match
_SAMPLE = 200  # of a term's newest messages: how close they are says how frequent it is
_MOST_CHARS = 4_000_000  # read by one search: bounds it when messages are long

_MOST_SHOWN = 4_000_000  # characters looked at for the snippets of a page, beyond those of the first pieces
_STEPS = 100  # of SQLite's between two checks: 0.5 ms of an FTS5 query, rarely 80

_K1, _B = 1.2, 0.75  # as FTS5 has them: sqlite.org/fts5.html, "The bm25() function"

_NEWEST = {
    "words": "SELECT rowid FROM words WHERE words MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?",
    "trigrams": (
        "SELECT rowid FROM trigrams WHERE trigrams MATCH ? AND rowid BETWEEN ? AND ? ORDER BY rowid DESC LIMIT ?"
    ),
}


class _Found(msgspec.Struct):
    """A message that matches. `weights` is how often each term is in the `chars` that were read; none: none were."""

    number: int
    chars: int = 0
    weights: list[float] = []
    place: int = 0  # of the piece of its text that has most of the terms
    score: float = 0.0


class Search:
    """One search of one owner's messages, in one read transaction. `check` is called often, and raises to end it.

    Raises: sqlite3.Error, and what `check` raises.
    """

    def __init__(self, database: sqlite3.Connection, owner: str, query: Query, check: Callable[[], None]) -> None:
        self._database = database
        self._check = check
        self._matcher = Matcher(query)
        self._chars_left = _MOST_CHARS
        self._is_incomplete = False
        # What the word table has left out already need not be looked for again.
        self._is_certain = all(term.is_plain and term.words for term in self._matcher.excluded)
        row = database.execute("SELECT id FROM owners WHERE name = ?", (owner,)).fetchone()
        self._range = numbers_of(row[0]) if row else (1, 0)
        newest = database.execute("SELECT max(id) FROM messages WHERE id BETWEEN ? AND ?", self._range).fetchone()[0]
        self._last: int = self._range[0] - 1 if newest is None else newest

    def page(self, limit: int, offset: int) -> SearchPage:
        """The matches from the one at `offset` on, best first."""
        # Why this too: one step of FTS5 may take seconds, and reads pages all the while, which are steps of SQLite's.
        self._database.set_progress_handler(self._check, _STEPS)
        try:
            return self._page(limit, offset)
        except sqlite3.OperationalError:
            self._check()  # SQLite was stopped by what this raises
            raise
        finally:
            self._database.set_progress_handler(None, _STEPS)

    def _page(self, limit: int, offset: int) -> SearchPage:
        found = self._matches()
        self._score(found)
        found.sort(key=lambda match: (-match.score, -match.number))
        shown = found[offset : offset + limit]
        most = _MOST_SHOWN // max(len(shown), 1)
        return SearchPage([self._hit(match, most) for match in shown], len(found), self._is_incomplete)

    def _matches(self) -> list[_Found]:
        words = word_expression(self._matcher)
        known = set(self._newest("words", words, MOST_FOUND)) if words else set()
        candidates: set[int] = set()
        if len(known) < MOST_FOUND and (grams := trigram_expression(self._matcher)):
            candidates.update(self._newest("trigrams", grams, _MOST_CANDIDATES))
        self._is_incomplete = len(known) == MOST_FOUND or len(candidates) == _MOST_CANDIDATES
        return self._read(known, candidates - known)

    def _newest(self, table: str, expression: str, most: int) -> list[int]:
        """The newest messages that the expression finds, at most that many."""
        low, high = self._range
        rows = self._database.execute(_NEWEST[table], (expression, low, min(high, self._last), most))
        return [number for (number,) in rows]

    def _read(self, known: set[int], candidates: set[int]) -> list[_Found]:
        """The known matches, and those of the candidates that match: the newest of both are read, as far as may be."""
        found: list[_Found] = []
        unread = known | candidates
        room = MOST_FOUND - len(known)
        for number, text in self._texts(sorted(unread, reverse=True)):
            if number in candidates and not room:
                continue
            unread.discard(number)
            if match := self._match(number, text, is_known=number in known):
                found.append(match)
                room -= number in candidates
        counted = [*map(_Found, unread & known)] if self._is_certain else []
        self._is_incomplete |= len(counted) < len(unread)
        return found + counted

    def _texts(self, numbers: list[int]) -> Iterator[tuple[int, str]]:
        """The messages' texts in the order given, which descends, as far as they may be read."""
        query = "SELECT id, body FROM texts WHERE id IN (SELECT value FROM json_each(?)) ORDER BY id DESC"
        with contextlib.closing(self._database.execute(query, (json.dumps(numbers),))) as rows:
            while self._chars_left > 0 and (row := rows.fetchone()):
                yield row

    def _match(self, number: int, text: str, *, is_known: bool) -> _Found | None:
        """The message when it matches; of a long text not more is read than says so."""
        matcher, match, most = self._matcher, _Found(number), -1
        needs_all = not (is_known and self._is_certain) and bool(matcher.excluded)
        for place, piece in pieces_of(text):
            self._check()
            if self._chars_left <= 0:
                self._is_incomplete |= not is_known or needs_all
                return match if is_known and not needs_all else None
            self._chars_left -= len(piece)
            folded = fold(piece)
            if needs_all and matcher.excludes(folded):
                return None
            weights = matcher.weights(folded)
            match.chars += len(piece)
            match.weights = [*map(operator.add, match.weights, weights)] if place else weights
            if len(piece) == len(text):  # as most are: nothing else matters then
                break
            if (terms := sum(map(bool, weights))) > most:
                most, match.place = terms, place
            if not needs_all and matcher.is_satisfied(match.weights):
                break
        return match if is_known or matcher.is_satisfied(match.weights) else None

    def _score(self, found: list[_Found]) -> None:
        """BM25 over the owner's messages; lengths are compared with those of the messages found."""
        read = [match for match in found if match.weights]
        mean = sum(match.chars for match in read) / max(len(read), 1) or 1.0
        rarity = self._rarity()
        for match in read:
            saturation = _K1 * (1 - _B + _B * match.chars / mean)
            match.score = sum(
                rare * weight * (_K1 + 1) / (weight + saturation)
                for rare, weight in zip(rarity, match.weights, strict=True)
            )

    def _rarity(self) -> list[float]:
        """The inverse document frequency of each term, estimated from its newest messages when it has many."""
        terms = self._matcher.terms
        if len(terms) == 1:
            return [1.0]
        total = self._last - self._range[0] + 1
        return [_inverse(self._frequency(words_of(term), total), total) for term in terms]

    def _frequency(self, words: str, total: int) -> float:
        """In how many of about `total` messages a term is, about."""
        numbers = self._newest("words", words, _SAMPLE) if words else []
        if len(numbers) < _SAMPLE:
            return len(numbers)
        return len(numbers) * total / (self._last - numbers[-1] + 1)

    def _hit(self, match: _Found, most: int) -> SearchHit:
        self._check()
        row = self._database.execute(
            "SELECT chat_id, title, message_id, role, sent_at, body FROM messages JOIN chats ON chats.id = chat"
            " JOIN texts ON texts.id = messages.id WHERE messages.id = ?",
            (match.number,),
        ).fetchone()
        chat_id, title, message_id, role, sent_at, text = row
        snippet = snippet_of(text, self._matcher, self._check, match.place, match.place + most)
        return SearchHit(chat_id, title, message_id, role, snippet, round(match.score, 4), sent_at)


def _inverse(frequency: float, total: int) -> float:
    """BM25's inverse document frequency, never below 0."""
    return math.log(1 + max(0.0, total - frequency + 0.5) / (frequency + 0.5))
