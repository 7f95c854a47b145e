"""What a whole turn costs: question and reply on disk, each after an fsync, answered in one piece."""

import random
import tempfile
import time
from pathlib import Path

from bench.child import Child, chatkeep
from bench.client import completion, connections, post, send_all
from bench.folders import chat_id, make_big_chat, make_folder
from bench.report import Figure
from bench.sizes import Sizes
from chatkeep.storage.atomic import sync_folder, write_new

_MODEL = "burst-64-1"  # 64 tokens that arrive at once
_CONNECTIONS = 16
_USED = 100  # of a folder's chats, those that the turns go to
_WRITTEN = b"x" * 1000
_OFF = {"CHATKEEP_LOG_LEVEL": "warning", "CHATKEEP_LOG_REQUESTS": "false", "CHATKEEP_METRICS": "false"}
_KEY = "a-key-of-the-benchmarks"
_ON = {
    "CHATKEEP_LOG_LEVEL": "info",
    "CHATKEEP_LOG_REQUESTS": "true",
    "CHATKEEP_METRICS": "true",
    "CHATKEEP_API_KEY": _KEY,
    "CHATKEEP_RATE_LIMIT_ENABLED": "true",
    "CHATKEEP_RATE_LIMIT_REQUESTS": "100000",
}
_MESSAGE = "Tell me a fun fact about space, and tell it as if I were six years old, please."


async def durable_turn(sizes: Sizes, root: Path, upstream: Child) -> list[Figure]:
    """CPU of a turn with 16 connections busy, and the wall time of turns one after the other; each in a new chat."""
    cpu: tuple[list[float], list[float]] = ([], [])
    wall: tuple[list[float], list[float]] = ([], [])
    kernel: list[float] = []
    disk: list[float] = []
    direct = [completion(upstream.url, _MODEL, _MESSAGE)] * sizes.turns
    async with chatkeep(make_folder(root, "turn", 0), upstream.url, _MODEL) as server:
        requests = [_turn(server.url)] * sizes.turns
        await _cpu_ms(server, requests)
        for _ in range(sizes.rounds):
            before_s = server.kernel_s()
            cpu[0].append(await _cpu_ms(server, requests))
            kernel.append((server.kernel_s() - before_s) / sizes.turns * 1000)
            disk.append(_disk_ms(root / "turn", sizes.turns))
            cpu[1].append(await _cpu_ms(upstream, direct))
            wall[0].append(await _wall_ms(server, requests[: sizes.turns // 5]))
            wall[1].append(await _wall_ms(upstream, direct[: sizes.turns // 5]))
    return [
        Figure("durable turn, CPU (direct: the upstream's)", "ms", cpu[0], "at most 0.8", cpu[1]),
        Figure("… of it in the kernel (direct: the same file calls alone)", "ms", kernel, "", disk),
        Figure("durable turn, wall time, one at a time", "ms", wall[0], "", wall[1]),
    ]


async def many_chats(sizes: Sizes, few: Path, many: Path, upstream: Child) -> list[Figure]:
    """CPU of a turn with few and with many chats in the folder, half of them in new chats; rounds take turns."""
    costs: tuple[list[float], list[float]] = ([], [])
    async with (
        chatkeep(few, upstream.url, _MODEL) as small,
        chatkeep(many, upstream.url, _MODEL) as large,
    ):
        rows = (
            (small, _mixed(small.url, sizes.turns, sizes.few_chats), costs[0]),
            (large, _mixed(large.url, sizes.turns, sizes.many_chats), costs[1]),
        )
        for server, requests, _ in rows:
            await _cpu_ms(server, requests)
        for _ in range(sizes.rounds):
            for server, requests, found in rows:
                found.append(await _cpu_ms(server, requests))
    ratios = [large_ms / small_ms for small_ms, large_ms in zip(*costs, strict=True)]
    return [
        Figure(f"turn with {sizes.few_chats:,} chats in the folder, CPU", "ms", costs[0]),
        Figure(f"turn with {sizes.many_chats:,} chats in the folder, CPU", "ms", costs[1]),
        Figure("… the second through the first", "x", ratios, "at most 1.1"),
    ]


async def guarded_turn(sizes: Sizes, root: Path, upstream: Child) -> list[Figure]:
    """CPU of a turn in a new chat without keys, limits, logs and metrics, and with them; rounds take turns."""
    costs: tuple[list[float], list[float]] = ([], [])
    async with (
        chatkeep(make_folder(root, "off", 0), upstream.url, _MODEL, _OFF) as without,
        chatkeep(make_folder(root, "on", 0), upstream.url, _MODEL, _ON) as with_them,
    ):
        # Why short rounds: the disk's moods last seconds and are larger than what is looked for.
        rows = [(server, [_turn(server.url, key=_KEY)] * (sizes.turns // 5)) for server in (without, with_them)]
        for server, requests in rows * 3:
            await _cpu_ms(server, requests)
        for _ in range(sizes.rounds * 6):
            for (server, requests), found in zip(rows, costs, strict=True):
                found.append(await _cpu_ms(server, requests))
    ratios = [on_ms / off_ms for off_ms, on_ms in zip(*costs, strict=True)]
    return [
        Figure("turn without keys, limits, logs and metrics, CPU", "ms", costs[0]),
        Figure("turn with keys, limits, logs and metrics, CPU", "ms", costs[1]),
        Figure("… the second through the first", "x", ratios, "at most 1.15"),
    ]


async def big_chat(sizes: Sizes, root: Path, upstream: Child) -> list[Figure]:
    """CPU of a turn on a big chat: the first after a start, which reads the file, and those that follow."""
    first: list[float] = []
    warm: list[float] = []
    folder = make_folder(root, "big", 0)
    for number in range(sizes.rounds):
        name = chat_id(number)
        make_big_chat(folder, name, sizes.big_bytes)
        async with chatkeep(folder, upstream.url, _MODEL) as server:
            await _cpu_ms(server, [_turn(server.url)])
            request = _turn(server.url, name)
            first.append(await _cpu_ms(server, [request]))
            warm.append(await _cpu_ms(server, [request] * sizes.big_turns))
        (folder / f"{name}.json").unlink()
    size = f"{sizes.big_bytes / 1e6:.0f} MB"
    return [
        Figure(f"turn on a chat of {size}, CPU", "ms", warm),
        Figure(f"first turn on a chat of {size} after a start, CPU", "ms", first),
    ]


def _disk_ms(parent: Path, turns: int) -> float:
    """CPU milliseconds of what any turn must ask of the disk: a journal and a chat, each synced with its folder."""
    # Why a new folder, and no clearing up: ext4 makes files slowly for seconds after many were removed.
    folder = Path(tempfile.mkdtemp(dir=parent))
    before = time.process_time()
    for number in range(turns):
        write_new(folder / f"{number}.jsonl", _WRITTEN)
        sync_folder(folder)
        write_new(folder / f"{number}.tmp", _WRITTEN)
        (folder / f"{number}.tmp").rename(folder / f"{number}.json")
        sync_folder(folder)
    return (time.process_time() - before) / turns * 1000


def _turn(url: str, name: str | None = None, key: str | None = None) -> bytes:
    return post(url, "/chat", {"message": _MESSAGE} | ({"chat_id": name} if name else {}), key)


def _mixed(url: str, turns: int, chats: int) -> list[bytes]:
    """Turns of which half are in new chats and half spread over `_USED` of the folder's `chats`."""
    dice = random.Random(chats)
    used = [_turn(url, chat_id(number)) for number in dice.sample(range(chats), min(_USED, chats))]
    return [used[number // 2 % len(used)] if number % 2 else _turn(url) for number in range(turns)]


async def _cpu_ms(server: Child, requests: list[bytes]) -> float:
    """CPU milliseconds that the server spends on one of `requests`."""
    async with connections(server.url, min(_CONNECTIONS, len(requests))) as opened:
        before = server.cpu_s()
        await send_all(opened, requests)
        return (server.cpu_s() - before) / len(requests) * 1000


async def _wall_ms(server: Child, requests: list[bytes]) -> float:
    """Milliseconds from a request to its whole answer, one after the other."""
    async with connections(server.url, 1) as opened:
        return await send_all(opened, requests) / len(requests) * 1000
