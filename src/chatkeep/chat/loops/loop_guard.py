"""The loop guard: sees from its text alone that a model says the same again and again. In bounded memory and time.

Three things are loops, and seen with the character that makes them one:

- A unit of up to 2,048 characters, again and again, character by character: as soon as 400 characters repeat those
  before them and the unit stands there 8 times. Rows without a letter, as drawings, rules and empty tables are made
  of, 24 times.
- 400 blanks, tabs and line ends, in whatever mixture.
- Counting (`counting.py`): nothing is new but blanks, and numbers that go up by one step. Objects inside of objects, as
  soon as 400 characters repeat those before them and 8 levels are open; 12 when they are numbered or no JSON. Numbered
  items of the same words, 8 times; but for other lists, as `{"id": 1, "name": "x"}, {"id": 2, "name": "x"}`, 256 times,
  for one that was asked for looks the same: docs/decisions/0010-lists-may-count-to-256.md.

Not seen: what repeats itself in changing words; numbers that go down or by different steps (songs, squares, tables);
counting without a letter (1, 2, 3). Taken for a loop though honest: a table of 32 equal lines of code, a cell that is
padded with 400 blanks, 24 equal rows of a drawing, a dozen numbered levels.
"""

from chatkeep.chat.loops.counting import Counting
from chatkeep.chat.loops.periods import LONGEST, PROBE, runs

_LEAST = 400  # characters that repeat others
_TIMES = 8  # a unit stands there, the first time counted
_ROWS = 24  # the same for rows without a letter: a screen of them
_TAIL = _TIMES * LONGEST  # characters looked at
_PAUSE = _LEAST - PROBE  # characters between two looks at most: what is a loop by the next has a run by now


class LoopGuard:
    """Watches one text. How it is cut into pieces makes no difference to what is seen, and where."""

    def __init__(self) -> None:
        self._tail = ""
        self._fresh: list[str] = []
        self._counting = Counting()
        self._due = self._pause = self._repeats_due = self._counts_due = _PAUSE

    def feed(self, text: str) -> bool:
        """Add `text`; return whether there is a loop in the text by now. It says so once: then feed no more."""
        self._fresh.append(text)
        self._due -= len(text)
        return self._due <= 0 and self._catch_up()

    def _catch_up(self) -> bool:
        """Look at each place that is due; the text before it says which is next."""
        fresh, place = "".join(self._fresh), 0
        while place + self._pause <= len(fresh):
            piece = fresh[place : place + self._pause]
            place += self._pause
            self._pause = self._look(piece)
            if not self._pause:
                return True
        self._fresh = [fresh[place:]]
        self._due = self._pause - (len(fresh) - place)
        return False

    def _look(self, piece: str) -> int:
        """How many characters must follow `piece` before there can be a loop; 0 when there is one."""
        self._tail = (self._tail + piece)[-_TAIL:]
        self._counting.add(piece)
        self._repeats_due -= len(piece)
        self._counts_due -= len(piece)
        if not self._repeats_due:
            self._repeats_due = _pause(self._tail)
        if not self._counts_due:
            self._counts_due = self._counting.pause(self._tail)
        return min(self._repeats_due, self._counts_due)


def _pause(text: str) -> int:
    """How many characters must follow before there can be a loop at the end of `text`; 0 when there is one."""
    end = text[-_LEAST:]
    pause = min(_PAUSE, _LEAST - (len(end) - len(end.rstrip())))
    for period, run in runs(text):
        pause = min(pause, _wanted(text[-period:]) - run)
    return max(0, pause)


def _wanted(unit: str) -> int:
    """How long a run of `unit` is a loop."""
    times = _ROWS if "\n" in unit and not any(map(str.isalpha, unit)) else _TIMES
    return min(max(_LEAST + len(unit), times * len(unit)), _TAIL)
