"""How long a start takes, and how much memory an idle server holds."""

import asyncio
from pathlib import Path

from bench.child import Child, start_chatkeep
from bench.folders import make_folder
from bench.report import Figure
from bench.sizes import Sizes

_MODEL = "burst-64-1"
_IDLE_S = 1.0  # until a start has settled


async def idle(sizes: Sizes, root: Path, upstream: Child) -> list[Figure]:
    """Start on an empty folder, and memory a second later."""
    folder = make_folder(root, "idle", 0)
    ready_s, cpu_s, memory_mb = [], [], []
    for _ in range(sizes.starts):
        server = await start_chatkeep(folder, upstream.url, _MODEL)
        ready_s.append(server.started_s)
        cpu_s.append(server.cpu_s())
        await asyncio.sleep(_IDLE_S)
        memory_mb.append(server.memory_mb())
        await server.stop()
    return [
        Figure("start on an empty folder, until it is ready", "s", ready_s, "at most 1"),
        Figure("start on an empty folder, CPU", "s", cpu_s),
        Figure("memory of an idle server, without the model", "MB", memory_mb, "under 80"),
    ]


async def starts(sizes: Sizes, many: Path, upstream: Child) -> list[Figure]:
    """Start on a folder of many chats: without an index, after a clean stop, after a kill. Files are in the cache."""
    first = await start_chatkeep(many, upstream.url, _MODEL)
    await first.stop()
    clean, memory_mb = [], []
    for _ in range(sizes.starts):
        server = await start_chatkeep(many, upstream.url, _MODEL)
        clean.append(server.started_s)
        await asyncio.sleep(_IDLE_S)
        memory_mb.append(server.memory_mb())
        await server.stop()
    await (await start_chatkeep(many, upstream.url, _MODEL)).kill()
    unclean: list[float] = []
    for _ in range(sizes.starts):
        server = await start_chatkeep(many, upstream.url, _MODEL)
        unclean.append(server.started_s)
        await server.kill()
    chats = f"{sizes.many_chats:,} chats"
    return [
        Figure(f"start with {chats} after a clean stop", "s", clean, "at most 1.5"),
        Figure(f"start with {chats} after a kill", "s", unclean, "at most 10"),
        Figure(f"start with {chats} without an index", "s", [first.started_s]),
        Figure(f"memory of an idle server with {chats}", "MB", memory_mb, "under 80"),
    ]
