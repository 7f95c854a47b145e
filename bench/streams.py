"""What a streamed token costs, and how much later it arrives, with many streams at the pace of a real model."""

import asyncio
import statistics
from pathlib import Path

from bench.child import Child, chatkeep
from bench.client import TokenMeter, completion, connections, post
from bench.folders import make_folder
from bench.report import Figure
from bench.sizes import Sizes

_BEGINNING_S = 1.5  # until all streams are going
_ENDING_S = 1.0  # how much longer they go than is measured
MESSAGE = "Tell me a long story."


async def streamed_token(sizes: Sizes, root: Path, upstream: Child) -> list[Figure]:
    """CPU and delay of a token through chatkeep, and of one straight from the upstream."""
    model = f"paced-{tokens_of(sizes)}-{sizes.rate}"
    ours: list[tuple[float, float]] = []
    theirs: list[tuple[float, float]] = []
    direct = completion(upstream.url, model, MESSAGE)
    async with chatkeep(make_folder(root, "stream", 0), upstream.url, model) as server:
        request = post(server.url, "/chat", {"message": MESSAGE, "stream": True})
        for _ in range(sizes.rounds):
            ours.append(await measure(server, request, sizes))
            theirs.append(await measure(upstream, direct, sizes))
    what = f"{sizes.streams} streams at {sizes.rate} tokens/s"
    cpu, delay = ([row[part] for row in ours] for part in (0, 1))
    direct_cpu, direct_delay = ([row[part] for row in theirs] for part in (0, 1))
    return [
        Figure(f"streamed token, {what}, CPU (direct: the upstream's)", "µs", cpu, "at most 60", direct_cpu),
        Figure(f"streamed token, {what}, from upstream to client", "ms", delay, "", direct_delay),
    ]


def tokens_of(sizes: Sizes) -> int:
    """How many tokens a stream has that outlasts its measuring."""
    return round(sizes.rate * (_BEGINNING_S + sizes.streaming_s + _ENDING_S))


async def measure(server: Child, request: bytes, sizes: Sizes) -> tuple[float, float]:
    """CPU microseconds of one token, and milliseconds from the upstream to the client, the median of all tokens."""
    meter = TokenMeter()
    async with connections(server.url, sizes.streams) as opened, asyncio.TaskGroup() as group:
        for connection in opened:
            group.create_task(connection.send(request, meter.reader()))
        await asyncio.sleep(_BEGINNING_S)
        meter.ages_us.clear()
        before = server.cpu_s()
        await asyncio.sleep(sizes.streaming_s)
        used_s = server.cpu_s() - before
        ages_us = list(meter.ages_us)
    return used_s / len(ages_us) * 1e6, statistics.median(ages_us) / 1000
