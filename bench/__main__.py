"""Measure, and print a table: `python -m bench --help`."""

import argparse
import functools
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from bench.checks import checks
from bench.child import Child, fast_upstream
from bench.crowd import crowd
from bench.folders import make_folder
from bench.page import page
from bench.report import Figure, machine, speed, table
from bench.search import search
from bench.sizes import QUICK, Sizes
from bench.starts import idle, starts
from bench.streams import streamed_token
from bench.turns import big_chat, durable_turn, guarded_turn, many_chats
from bench.wires import formats


class Bench:
    """The figures by name, measured with one upstream in one temporary folder."""

    def __init__(self, sizes: Sizes, root: Path, upstream: Child) -> None:
        self._sizes = sizes
        self._root = root
        self._upstream = upstream

    async def measure(self, name: str) -> list[Figure]:
        """One of `NAMES`."""
        return await _MEASURES[name](self)

    @functools.cached_property
    def _many(self) -> Path:
        return make_folder(self._root, "many", self._sizes.many_chats)

    async def idle(self) -> list[Figure]:
        return await idle(self._sizes, self._root, self._upstream)

    async def turn(self) -> list[Figure]:
        return await durable_turn(self._sizes, self._root, self._upstream)

    async def guarded(self) -> list[Figure]:
        return await guarded_turn(self._sizes, self._root, self._upstream)

    async def stream(self) -> list[Figure]:
        return await streamed_token(self._sizes, self._root, self._upstream)

    async def formats(self) -> list[Figure]:
        return await formats(self._sizes, self._root, self._upstream)

    async def crowd(self) -> list[Figure]:
        return await crowd(self._sizes, self._root, self._upstream)

    async def big(self) -> list[Figure]:
        return await big_chat(self._sizes, self._root, self._upstream)

    async def starts(self) -> list[Figure]:
        return await starts(self._sizes, self._many, self._upstream)

    async def checks(self) -> list[Figure]:
        return await checks(self._sizes, self._many, self._upstream)

    async def search(self) -> list[Figure]:
        return await search(self._sizes, self._root)

    async def page(self) -> list[Figure]:
        return await page(self._sizes, self._root, self._upstream)

    async def many(self) -> list[Figure]:
        few = make_folder(self._root, "few", self._sizes.few_chats)
        return await many_chats(self._sizes, few, self._many, self._upstream)


_MEASURES: dict[str, Callable[[Bench], Awaitable[list[Figure]]]] = {
    "idle": Bench.idle,
    "turn": Bench.turn,
    "guarded": Bench.guarded,
    "stream": Bench.stream,
    "formats": Bench.formats,
    "crowd": Bench.crowd,
    "big": Bench.big,
    "starts": Bench.starts,
    "checks": Bench.checks,
    "search": Bench.search,
    "many": Bench.many,
    "page": Bench.page,
}

NAMES = tuple(_MEASURES)


def main() -> None:
    """Read the options, measure, print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what the README promises.")
    parser.add_argument("--quick", action="store_true", help="smaller sizes, under a minute")
    parser.add_argument("--only", action="append", choices=NAMES, help="measure this alone; may be repeated")
    parser.add_argument("--dir", type=Path, help="where the data folders are made (default: the temporary folder)")
    options = parser.parse_args()
    uvloop.run(_run(options.only or list(NAMES), QUICK if options.quick else Sizes(), options.dir))


async def _run(names: list[str], sizes: Sizes, parent: Path | None) -> None:
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="chatkeep-bench-", dir=parent) as folder:
        print(machine(Path(folder)))
        print(speed(), flush=True)
        async with fast_upstream() as upstream:
            bench = Bench(sizes, Path(folder), upstream)
            for name in names:
                print(f"measuring {name} …", flush=True)
                figures += await bench.measure(name)
    print(f"{speed()}\n\n{table(figures)}\n")
    print("CPU is user and system time of the server's process; the upstream and the client have their own.")


if __name__ == "__main__":
    main()
