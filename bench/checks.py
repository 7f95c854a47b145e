"""What `chatkeep check` takes for a folder of many chats that a server has left."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from bench.child import Child, start_chatkeep
from bench.report import Figure
from bench.sizes import Sizes

_MODEL = "burst-64-1"


class _Taken(msgspec.Struct, frozen=True):
    wall_s: float
    cpu_s: float
    memory_mb: float


async def checks(sizes: Sizes, many: Path, upstream: Child) -> list[Figure]:
    """Check the folder `many`, with its index. Files are in the cache."""
    await (await start_chatkeep(many, upstream.url, _MODEL)).stop()
    taken = [await asyncio.to_thread(_check, many) for _ in range(sizes.starts)]
    chats = f"{sizes.many_chats:,} chats"
    return [
        Figure(f"check of {chats}", "s", [each.wall_s for each in taken], "under 30"),
        Figure(f"check of {chats}, CPU", "s", [each.cpu_s for each in taken]),
        Figure("chats checked a second", "", [sizes.many_chats / each.wall_s for each in taken]),
        Figure(f"memory of a check of {chats}", "MB", [each.memory_mb for each in taken]),
    ]


def _check(folder: Path) -> _Taken:
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "chatkeep", "check", "--chats-dir", str(folder)], stdout=subprocess.DEVNULL
    )
    _, status, used = os.wait4(process.pid, 0)
    wall_s = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError("the check found something in a folder that should be sound")
    # Limit: Linux counts in KiB here, macOS in bytes.
    return _Taken(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e6)
