"""Moving windows of many keys in bounded memory: a storage of the library `limits`. The rules are in rate.py."""

from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable

from limits.storage import MovingWindowSupport, Storage

_KEY_BYTES = 450  # of a key besides its times: 370 for an IPv4 address (tracemalloc), more for a digest
_TIME_BYTES = 8  # a double


class _Window:
    """When one key's requests were let through, oldest first, of the last `length_s` seconds."""

    __slots__ = ("_first", "_times", "length_s")

    def __init__(self, length_s: float) -> None:
        self.length_s = length_s
        self._times = array("d")
        # Why not cut at once: a cut moves all that follow, so it waits until half of them are gone.
        self._first = 0

    def __len__(self) -> int:
        return len(self._times) - self._first

    @property
    def size(self) -> int:
        """Bytes, about."""
        return _KEY_BYTES + _TIME_BYTES * len(self._times)

    def is_over(self, now: float) -> bool:
        """Whether it says nothing any more."""
        return self._times[-1] <= now - self.length_s

    def counting(self, now: float) -> tuple[float, int]:
        """The oldest time that counts, itself `now` when none does, and how many do."""
        first = bisect_right(self._times, now - self.length_s, self._first)
        count = len(self._times) - first
        return (self._times[first] if count else now), count

    def forget(self, now: float) -> None:
        """Let those go that are `length_s` old."""
        self._first = bisect_right(self._times, now - self.length_s, self._first)
        if self._first * 2 >= len(self._times):
            del self._times[: self._first]
            self._first = 0

    def add(self, now: float, count: int) -> None:
        """Note `count` requests."""
        self._times.extend([now] * count)


class _Shelf:
    """Windows by key, the one asked for last at the end, and their bytes together."""

    def __init__(self) -> None:
        self.windows: OrderedDict[str, _Window] = OrderedDict()
        self.size = 0

    def put(self, key: str, window: _Window) -> None:
        """At the end. The window must not change while it is here."""
        self.windows[key] = window
        self.size += window.size

    def take(self, key: str) -> _Window | None:
        """Remove it, if it is here."""
        window = self.windows.pop(key, None)
        if window is not None:
            self.size -= window.size
        return window

    def idlest_is_over(self, now: float) -> bool:
        """Whether the first has nothing to say any more."""
        window = next(iter(self.windows.values()), None)
        return window is not None and window.is_over(now)

    def drop_idlest(self) -> None:
        """Forget the first."""
        _, window = self.windows.popitem(last=False)
        self.size -= window.size


class BoundedWindows(Storage, MovingWindowSupport):
    """Moving windows that together take about `max_bytes`, or what a single key needs when that is more.

    When there is no room, windows that are over go first; then those of keys that may go on anyway, idlest first,
    as forgetting them gives away least; and keys that are at their limit only when they take more than half of the
    room. So who comes from very many addresses is himself forgotten, and frees a refused key only by bringing
    thousands of others to their limits within one window. No task, no timer: what is over goes when room is needed.
    """

    STORAGE_SCHEME = None  # made by its class, never by an address

    def __init__(self, max_bytes: int, clock: Callable[[], float]) -> None:
        super().__init__()
        self._max_bytes = max_bytes
        self._clock = clock
        self._free = _Shelf()
        self._at_limit = _Shelf()

    def __len__(self) -> int:
        """How many keys have a window."""
        return len(self._free.windows) + len(self._at_limit.windows)

    @property
    def size(self) -> int:
        """Bytes that the windows take, about."""
        return self._free.size + self._at_limit.size

    @property
    def base_exceptions(self) -> type[Exception]:
        """What the library may wrap: nothing can fail here."""
        return OSError

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Note `amount` requests of `key` now; False, and nothing noted, when `expiry` seconds had too many."""
        now = self._clock()
        window = self._free.take(key) or self._at_limit.take(key) or _Window(expiry)
        window.forget(now)
        granted = len(window) + amount <= limit
        if granted:
            window.add(now, amount)
        if len(window):
            self._make_room(window.size, now)
            (self._at_limit if len(window) >= limit else self._free).put(key, window)
        return granted

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - limits asks so
        """When the oldest request was that counts now, and how many count."""
        now = self._clock()
        window = self._free.windows.get(key) or self._at_limit.windows.get(key)
        return window.counting(now) if window else (now, 0)

    def clear(self, key: str) -> None:
        """Forget one key."""
        if self._free.take(key) is None:
            self._at_limit.take(key)

    def reset(self) -> int:
        """Forget all; how many there were."""
        count = len(self)
        self._free, self._at_limit = _Shelf(), _Shelf()
        return count

    def check(self) -> bool:
        """Memory is always there."""
        return True

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Only moving windows are kept here."""
        raise NotImplementedError

    def get(self, key: str) -> int:
        """Only moving windows are kept here."""
        raise NotImplementedError

    def get_expiry(self, key: str) -> float:
        """Only moving windows are kept here."""
        raise NotImplementedError

    def _make_room(self, size: int, now: float) -> None:
        while len(self) and self.size + size > self._max_bytes:
            self._next_to_go(now).drop_idlest()

    def _next_to_go(self, now: float) -> _Shelf:
        for shelf in (self._at_limit, self._free):
            if shelf.idlest_is_over(now):
                return shelf
        at_limit_first = self._at_limit.size * 2 > self._max_bytes or not self._free.windows
        return self._at_limit if at_limit_first else self._free
