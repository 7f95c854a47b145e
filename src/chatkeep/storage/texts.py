"""The text of messages and the two tables that find it: words, and groups of three characters (trigrams).

A message's number holds its owner: those of one owner are a range, so that a search reads nothing of the others.
Both tables are contentless: the text stands once, in `texts`, and what they hold is removed by giving it again.
New messages wait, and enter the tables many at a time, at the latest before a search: alone each costs three times as
much (measured: 280 µs of CPU alone, 90 among 170 others, for 370 characters).
"""

import sqlite3
from collections.abc import Sequence

from chatkeep.errors import StorageFailed
from chatkeep.storage.folding import characters, fold, spread

SCHEMA = """
CREATE TABLE IF NOT EXISTS owners (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS texts (
    id INTEGER PRIMARY KEY,      -- the number of the message
    body TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS waiting (
    id INTEGER PRIMARY KEY       -- of a text that is not in the two tables yet
);
-- `body` is the text with CJK in pairs of characters, `single` its CJK characters.
CREATE VIRTUAL TABLE IF NOT EXISTS words USING fts5 (
    body, single, content = '', columnsize = 0, tokenize = 'unicode61 remove_diacritics 2'
);
-- Only which messages hold a trigram, not where: a third of the size, and the text is read anyway to be ranked.
CREATE VIRTUAL TABLE IF NOT EXISTS trigrams USING fts5 (
    body, content = '', columnsize = 0, detail = none, tokenize = 'trigram case_sensitive 1'
);
"""

_LEAST_SQLITE = (3, 35, 0)  # its release notes: the trigram tokenizer came with 3.34, RETURNING with 3.35

_ADD_WORDS = "INSERT INTO words (rowid, body, single) VALUES (?, ?, ?)"
_REMOVE_WORDS = "INSERT INTO words (words, rowid, body, single) VALUES ('delete', ?, ?, ?)"
_ADD_TRIGRAMS = "INSERT INTO trigrams (rowid, body) VALUES (?, ?)"
_REMOVE_TRIGRAMS = "INSERT INTO trigrams (trigrams, rowid, body) VALUES ('delete', ?, ?)"

_MOST_WAITING = 64_000  # characters: about 15 ms of work for the search that comes then
_OWNER_BITS = 40  # of a message's number, below the owner's: a million million messages each


def check_sqlite(found: tuple[int, ...]) -> None:
    """Return when this version can do what the index needs. Raises: StorageFailed."""
    if found < _LEAST_SQLITE:
        least, have = (".".join(map(str, version)) for version in (_LEAST_SQLITE, found))
        raise StorageFailed(f"The index needs SQLite {least} or newer, and this Python has {have}: use another Python.")


def numbers_of(owner: int) -> tuple[int, int]:
    """The lowest and the highest number that a message of this owner can have."""
    return owner << _OWNER_BITS, ((owner + 1) << _OWNER_BITS) - 1


class Texts:
    """Writes the texts of one database. The caller holds a transaction. Every method may raise sqlite3.Error."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        query = "SELECT coalesce(sum(length(body)), 0) FROM waiting JOIN texts USING (id)"
        # In characters, or more: what was removed counts until the next time.
        self._waiting = int(database.execute(query).fetchone()[0])

    def next_number(self, owner: str) -> int:
        """The number of the owner's next message: above all of theirs that there are."""
        low, high = numbers_of(self._owner(owner))
        query = "SELECT max(id) FROM messages WHERE id BETWEEN ? AND ?"
        (last,) = self._database.execute(query, (low, high)).fetchone()
        return low if last is None else last + 1

    def add(self, number: int, text: str) -> None:
        """Keep a text; it is found after `settle`."""
        self._database.execute("INSERT INTO texts VALUES (?, ?)", (number, text))
        self._database.execute("INSERT INTO waiting VALUES (?)", (number,))
        self._waiting += len(text)

    def remove(self, numbers: Sequence[int]) -> None:
        """Forget the texts of these messages; those that have none are passed over."""
        for number in numbers:
            row = self._database.execute("SELECT body FROM texts WHERE id = ?", (number,)).fetchone()
            if row is None:
                continue
            self._database.execute("DELETE FROM texts WHERE id = ?", (number,))
            if not self._database.execute("DELETE FROM waiting WHERE id = ?", (number,)).rowcount:
                folded = fold(row[0])
                self._database.execute(_REMOVE_WORDS, (number, spread(folded), characters(folded)))
                self._database.execute(_REMOVE_TRIGRAMS, (number, folded))

    @property
    def any_waiting(self) -> bool:
        """Whether a search would miss something."""
        return self._waiting > 0

    def settle_many(self) -> None:
        """As `settle`, when enough is waiting to make it cheap."""
        if self._waiting >= _MOST_WAITING:
            self.settle()

    def settle(self) -> None:
        """Let every text be found."""
        # Why in order: FTS5 writes what it has gathered to the disk whenever a number is not above the last one.
        rows = self._database.execute("SELECT id, body FROM waiting JOIN texts USING (id) ORDER BY id")
        for number, text in rows:
            folded = fold(text)
            self._database.execute(_ADD_WORDS, (number, spread(folded), characters(folded)))
            self._database.execute(_ADD_TRIGRAMS, (number, folded))
        self._database.execute("DELETE FROM waiting")
        self._waiting = 0

    def rolled_back(self) -> None:
        """What was settled may be waiting again: take it that much is."""
        self._waiting = _MOST_WAITING

    def _owner(self, name: str) -> int:
        row = self._database.execute("SELECT id FROM owners WHERE name = ?", (name,)).fetchone()
        row = row or self._database.execute("INSERT INTO owners (name) VALUES (?) RETURNING id", (name,)).fetchone()
        return int(row[0])
