"""The doctor's test streams: numbered events with the times of their sending, in the same clothes as a real stream."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, Callable

import msgspec

from chatkeep.api.live_response import StreamCut
from chatkeep.chat.follow import PING

_LOOK_S = 1.0  # how soon a stream ends when the server stops


class StreamPlan(msgspec.Struct, frozen=True):
    """`count` events, one every `interval_s` seconds; then `silence_s` seconds and a last event.

    Every event has `padding_bytes` more, which no compression makes less. While there is silence a comment comes every
    `ping_s` seconds, none when that is None.
    """

    count: int
    interval_s: float
    padding_bytes: int
    silence_s: float
    ping_s: float | None


class ProbeEvent(msgspec.Struct, frozen=True):
    """`sent_ms` is since the first event. The last one of a stream has `is_last`."""

    number: int
    sent_ms: float
    padding: str
    is_last: bool


async def probe_events(plan: StreamPlan, goes_on: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
    """Yield the stream. Raises: StreamCut when the server stops meanwhile, as `goes_on` says."""
    began = asyncio.get_running_loop().time()
    for number in range(plan.count):
        await _wait_until(began + number * plan.interval_s, goes_on)
        yield _encoded(number, began, plan.padding_bytes, is_last=False)
    async for ping in _silence(plan, goes_on):
        yield ping
    yield _encoded(plan.count, began, 0, is_last=True)


async def _silence(plan: StreamPlan, goes_on: Callable[[], bool]) -> AsyncGenerator[bytes, None]:
    moment = asyncio.get_running_loop().time()
    end = moment + plan.silence_s
    while plan.ping_s is not None and moment < end:
        yield PING
        moment += plan.ping_s
        await _wait_until(min(moment, end), goes_on)
    await _wait_until(end, goes_on)


async def _wait_until(moment: float, goes_on: Callable[[], bool]) -> None:
    loop = asyncio.get_running_loop()
    while (left_s := moment - loop.time()) > 0:
        if not goes_on():
            raise StreamCut
        await asyncio.sleep(min(left_s, _LOOK_S))


def _encoded(number: int, began: float, padding_bytes: int, *, is_last: bool) -> bytes:
    sent_ms = round((asyncio.get_running_loop().time() - began) * 1000, 3)
    padding = secrets.token_urlsafe(padding_bytes)[:padding_bytes]
    data = msgspec.json.encode(ProbeEvent(number, sent_ms, padding, is_last))
    return b"id: %d\nevent: probe\ndata: %s\n\n" % (number, data)
