"""JSON read element by element: an archive of any size in the memory of its largest conversation."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from sys import getsizeof

import ijson
import msgspec

from chatkeep.archives.clean import CleanReader, Readable
from chatkeep.archives.record import ArchiveBroken, Bounds, Unmapped, in_mib, one_line

_PIECE_BYTES = 64 * 1024
_VALUE_BYTES = 120  # what a value weighs beside its text: its object, its place in a list or a dict
_IDS = ("conversation_id", "conversationId", "uuid", "id", "chat_id")
_UNKEPT = "holds NUL or half a letter; U+FFFD stands in its place"

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]


class Element(msgspec.Struct, frozen=True):
    """One element: its place, from 1, what it is, and what was not as it should be in it."""

    number: int
    value: Json
    notes: list[str]

    @property
    def where(self) -> str:
        """How a report names it."""
        return where_of(self.number, self.value)


def where_of(number: int, value: object) -> str:
    """How a report names the conversation at that place."""
    named = next((value[key] for key in _IDS if value.get(key)), "") if isinstance(value, dict) else ""
    return f"conversation {number} {one_line(named, 80)}".rstrip()


def elements(source: Readable, bounds: Bounds) -> Iterator[Element | Unmapped]:
    """The elements of the array that `source` is, or the one value that it is, in order.

    One that is too large is a finding, and the next ones come. When the JSON ends or breaks, a finding is the last.
    """
    yield from _Elements(source, bounds)


class _Elements:
    def __init__(self, source: Readable, bounds: Bounds) -> None:
        self._found: list[Unmapped] = []
        self._events = 0
        self._source = _Watched(CleanReader(source, self._found), bounds.value_bytes, lambda: self._events)
        self._bounds = bounds
        self._number = 0

    def __iter__(self) -> Iterator[Element | Unmapped]:
        try:
            yield from self._all()
        except (ijson.JSONError, ArchiveBroken, ValueError) as exc:
            yield from self._found
            after = f"after conversation {self._number}" if self._number else "the beginning"
            reason = str(exc).split("\n", 1)[0].removeprefix("b'")
            yield Unmapped(after, f"the archive breaks off or is no JSON: {one_line(reason)}")

    def _all(self) -> Iterator[Element | Unmapped]:
        builder, is_array = None, False
        for event, value in ijson.basic_parse(self._source, buf_size=_PIECE_BYTES):
            self._events += 1
            if self._events == 1 and event == "start_array":
                is_array = True
                continue
            if builder is None:
                if is_array and event == "end_array":
                    continue
                self._number += 1
                builder = _Builder(self._bounds.conversation_bytes)
            if builder.take(event, value):
                yield from self._taken()
                yield (
                    builder.finding(self._number)
                    if builder.is_too_large
                    else Element(self._number, builder.root, builder.notes)
                )
                builder = None
        yield from self._taken()

    def _taken(self) -> Iterator[Unmapped]:
        found, self._found[:] = list(self._found), []
        yield from found


class _Builder:
    """Makes one value of events, without recursion. Let go of, and only counted, once it is too large."""

    def __init__(self, most: int) -> None:
        self.root: Json = None
        self.notes: list[str] = []
        self.is_too_large = False
        self._room = most
        self._most = most
        self._open: list[list[Json] | dict[str, Json]] = []
        self._keys: list[str] = []
        self._names: dict[str, str] = {}
        self._depth = 0

    def take(self, event: str, value: object) -> bool:
        """Take an event; True when the value is whole."""
        if event == "map_key":
            self._name(str(value))
        elif event in {"start_map", "start_array"}:
            self._depth += 1
            self._begin({} if event == "start_map" else [])
        elif event in {"end_map", "end_array"}:
            self._depth -= 1
            if not self.is_too_large:
                self._open.pop()
                self._keys.pop()
        else:
            self._add(self._scalar(value))
        return self._depth == 0

    def finding(self, number: int) -> Unmapped:
        """What there is to say of a value that is too large."""
        what = f"takes more than {in_mib(self._most)} of memory; left out"
        return Unmapped(where_of(number, self.root), what)

    def _begin(self, container: list[Json] | dict[str, Json]) -> None:
        self._add(container)
        if not self.is_too_large:
            self._open.append(container)
            self._keys.append("")

    def _name(self, key: str) -> None:
        """The next member's key. Equal ones are one object: in a conversation a few names come thousands of times."""
        known = self._names.get(key)
        if known is None:
            self._room -= getsizeof(key) + _VALUE_BYTES
            known = self._clean(key)
            if not self.is_too_large:
                self._names[key] = known
        if not self.is_too_large:
            self._keys[-1] = known

    def _scalar(self, value: object) -> Json:
        if isinstance(value, str):
            self._room -= getsizeof(value)
            return self._clean(value)
        if isinstance(value, Decimal):
            return float(value)
        return value  # type: ignore[return-value]  # ijson: None, bool or int

    def _add(self, value: Json) -> None:
        self._room -= _VALUE_BYTES
        if self._room < 0:
            self._let_go()
        if self.is_too_large:
            return
        if not self._open:
            self.root = value
        elif isinstance(parent := self._open[-1], list):
            parent.append(value)
        else:
            key = self._keys[-1]
            if key in parent:
                self._note(f"the member {one_line(key, 80)!r} comes twice; the last one is taken")
            parent[key] = value

    def _let_go(self) -> None:
        if not self.is_too_large and isinstance(self.root, dict):
            self.root = {key: self.root[key] for key in _IDS if isinstance(self.root.get(key), str)}
        self.is_too_large = True
        self._open.clear()
        self._keys.clear()
        self._names.clear()

    def _clean(self, text: str) -> str:
        """`text` without what no file of ours may hold."""
        clean = text.replace("\0", "\ufffd")
        try:
            clean.encode()
        except UnicodeEncodeError:
            clean = clean.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if clean != text:
            self._note(_UNKEPT)
        return clean

    def _note(self, what: str) -> None:
        if what not in self.notes:
            self.notes.append(what)


class _Watched:
    """`source`, given up when `most` bytes come without an event: the parser keeps a value whole."""

    def __init__(self, source: Readable, most: int, events: Callable[[], int]) -> None:
        self._source = source
        self._most = most
        self._events = events
        self._seen = -1
        self._quiet = 0

    def read(self, size: int = -1, /) -> bytes:
        """At most `size` bytes. Raises: ArchiveBroken."""
        if self._seen != self._events():
            self._seen, self._quiet = self._events(), 0
        data = self._source.read(size)
        self._quiet += len(data)
        if self._quiet > self._most:
            raise ArchiveBroken(f"a single text is longer than {in_mib(self._most)}")
        return data
