"""A thousand streams at once on one process: what they cost, and that each of them gets every token."""

import asyncio
import re
import statistics
from pathlib import Path

from bench.child import Child, chatkeep
from bench.client import connections, post
from bench.folders import make_folder
from bench.report import Figure
from bench.sizes import Sizes
from bench.streams import MESSAGE
from bench.upstream import age_us

_RATE = 10  # tokens a second and stream
_BEGINNING_S = 6.0  # until a thousand turns have been taken and the streams are going
_ENDING_S = 2.0  # how much longer they go than is measured
_TOKEN = re.compile(rb" ([0-9a-f]{6})")
_DELTA = b"event: delta\n"
_ID = re.compile(rb"^id: (\d+)$", re.MULTILINE)


async def crowd(sizes: Sizes, root: Path, upstream: Child) -> list[Figure]:
    """CPU, delay and memory of the streams. Raises: AssertionError when one lost a token, or came out of order."""
    seconds = round(_BEGINNING_S + sizes.streaming_s + _ENDING_S)
    model = f"paced-{seconds * _RATE}-{_RATE}"
    readers = [_Reader() for _ in range(sizes.crowd)]
    async with chatkeep(make_folder(root, "crowd", 0), upstream.url, model) as server:
        request = post(server.url, "/chat", {"message": MESSAGE, "stream": True})
        await _warm_up(server, upstream)
        quiet_mb = server.memory_mb()
        async with connections(server.url, sizes.crowd) as opened, asyncio.TaskGroup() as group:
            for connection, reader in zip(opened, readers, strict=True):
                group.create_task(connection.send(request, reader.read))
            await asyncio.sleep(_BEGINNING_S)
            used_s, seen = server.cpu_s(), sum(reader.tokens for reader in readers)
            await asyncio.sleep(sizes.streaming_s)
            used_s, seen = server.cpu_s() - used_s, sum(reader.tokens for reader in readers) - seen
            grown_mb = server.memory_mb() - quiet_mb
    dropped = sum(reader.missing(seconds * _RATE) for reader in readers)
    assert not dropped, f"{dropped} tokens of {sizes.crowd * seconds * _RATE} did not arrive"
    ages_ms = sorted(age / 1000 for reader in readers for age in reader.ages_us)
    what = f"{sizes.crowd:,} streams at {_RATE} tokens/s"
    return [
        Figure(
            f"{what}, tokens that did not arrive in order, of {sizes.crowd * seconds * _RATE:,}", "", [dropped], "0"
        ),
        Figure(f"{what}, CPU a token", "µs", [used_s / seen * 1e6]),
        Figure(f"{what}, cores used", "", [used_s / sizes.streaming_s], "below 1"),
        Figure(f"{what}, from upstream to client, median", "ms", [statistics.median(ages_ms)]),
        Figure(f"{what}, … p99", "ms", [ages_ms[len(ages_ms) * 99 // 100]]),
        Figure(f"{what}, memory a stream", "kB", [grown_mb * 1000 / sizes.crowd]),
    ]


async def _warm_up(server: Child, upstream: Child) -> None:
    """One short turn, so that what is made once is not counted as a stream's."""
    assert upstream.url
    async with connections(server.url, 1) as opened:
        await opened[0].send(post(server.url, "/chat", {"message": MESSAGE, "model": "burst-64-1"}))


class _Reader:
    """What one stream's client sees: its tokens, how late they are, and whether the events count up to `done`."""

    def __init__(self) -> None:
        self.tokens = 0
        self.ages_us: list[int] = []
        self._rest = b""
        self._next_id = 0
        self._is_done = False
        self._in_order = True

    def read(self, data: bytes) -> None:
        """Take some of the body, chunk lengths included."""
        events, found, self._rest = (self._rest + data).rpartition(b"\n\n")
        if not found:
            return
        ids = [int(number) for number in _ID.findall(events)]
        self._in_order = self._in_order and ids == list(range(self._next_id, self._next_id + len(ids)))
        self._next_id += len(ids)
        for event in events.split(b"\n\n"):
            if _DELTA in event:
                sent = _TOKEN.findall(event.partition(b"data: ")[2])
                self.tokens += len(sent)
                self.ages_us += [age_us(int(moment, 16)) for moment in sent]
            elif b"event: done\n" in event:
                self._is_done = True

    def missing(self, expected: int) -> int:
        """How many tokens did not come, at least one when the stream did not come in order to its end."""
        return max(abs(expected - self.tokens), int(not (self._is_done and self._in_order)))
