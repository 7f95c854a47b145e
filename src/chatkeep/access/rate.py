"""How often one may ask: moving windows per key or address, and per kind of route. How they are kept: windows.py."""

import ipaddress
import math
import time
from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import lru_cache

import msgspec
from limits import RateLimitItemPerSecond
from limits.strategies import MovingWindowRateLimiter

from chatkeep.access.policy import Action
from chatkeep.access.subject import Rate, Subject
from chatkeep.access.windows import BoundedWindows
from chatkeep.errors import RateLimited


class Group(StrEnum):
    """Routes that are counted together: those that ask a model, and all others that need a key."""

    TALK = "talk"
    REST = "rest"


_FREE = {Action.OPEN, Action.SCRAPE, Action.LOGIN}  # a login counts when it is known whose it is, or that it failed

_FAILURES = Rate(requests=20, window_s=60)
_STORE_BYTES = 16 * 1024 * 1024  # 36,000 addresses that asked once, 18,000 that asked 60 times, 3,200 that did 600


class Allowance(msgspec.Struct, frozen=True):
    """A request that was let through. `reset_after_s`: when the oldest that counts leaves the window."""

    limit: int
    remaining: int
    reset_after_s: float


def group_of(action: Action) -> Group | None:
    """What a route that does `action` is counted with; None when it is free."""
    if action in _FREE:
        return None
    return Group.TALK if action is Action.TALK else Group.REST


class RateLimits:
    """Counts requests and wrong credentials. `defaults` are for who has no rate of its own; `clock` is in seconds.

    Keys and addresses are kept apart, so that no crowd of addresses can make the server forget a key. Wrong
    credentials are counted by address with a number of their own, whatever the defaults are.

    For many replicas: `limits.aio.strategies.MovingWindowRateLimiter` over `limits.aio.storage.RedisStorage` takes the
    place of both limiters here, with `time.time` as the clock, and `hit` and `note_failure` become coroutines; their
    one caller is one already. In memory there is nothing to wait for.
    """

    def __init__(self, defaults: Mapping[Group, Rate], clock: Callable[[], float] = time.monotonic) -> None:
        self._defaults = defaults
        self._clock = clock
        self._keys = MovingWindowRateLimiter(BoundedWindows(_STORE_BYTES, clock))
        self._addresses = MovingWindowRateLimiter(BoundedWindows(_STORE_BYTES, clock))

    def hit(self, subject: Subject | None, address: str, group: Group) -> Allowance:
        """Count one request of `subject`, or of `address` when no credential was shown.

        Raises: RateLimited; the request is not counted then.
        """
        rate = (subject.rate if subject else None) or self._defaults[group]
        if subject is None or not subject.credential:
            return self._take(self._addresses, rate, group, address_key(address))
        return self._take(self._keys, rate, group, subject.credential)

    def note_failure(self, address: str) -> None:
        """Count a wrong credential, when it was found to be wrong: a right one passes whatever was tried before.

        Raises: RateLimited when the address had more than 20 within a minute.
        """
        self._take(self._addresses, _FAILURES, "failures", address_key(address))

    def _take(self, limiter: MovingWindowRateLimiter, rate: Rate, group: str, who: str) -> Allowance:
        item = _item(rate)
        granted = limiter.hit(item, group, who)
        reset_at, remaining = limiter.get_window_stats(item, group, who)
        reset_after_s = max(0.0, reset_at - self._clock())
        if granted:
            return Allowance(rate.requests, remaining, reset_after_s)
        raise RateLimited(
            f"At most {rate.requests} requests of this kind in {item.get_expiry()} s.",
            limit=rate.requests,
            retry_after_s=reset_after_s,
        )


@lru_cache(1024)
def address_key(address: str) -> str:
    """What an address is counted as: IPv4 whole, IPv6 by its /64, which is what one customer gets (RFC 6177).

    Text that is no address counts as one and the same, since whoever sends it may send any other.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    return str(found.ipv4_mapped or ipaddress.IPv6Address(int(found) >> 64 << 64))


@lru_cache(1024)
def _item(rate: Rate) -> RateLimitItemPerSecond:
    """The library counts whole seconds: half a second more is the stricter of the two."""
    return RateLimitItemPerSecond(rate.requests, math.ceil(rate.window_s))
