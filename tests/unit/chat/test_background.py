"""Work that nobody waits for."""

import asyncio
import functools

import pytest

from chatkeep.chat.background import Background, to_its_end

pytestmark = pytest.mark.anyio


class Work:
    """Pieces of work that go on until they are let go. `begun` and `ended` are their names."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.changed = asyncio.Event()
        self.go = asyncio.Event()

    async def do(self, name: str) -> None:
        self.begun.append(name)
        self.changed.set()
        await self.go.wait()
        self.ended.append(name)
        self.changed.set()

    async def until(self, names: list[str], count: int) -> None:
        while len(names) < count:
            self.changed.clear()
            await self.changed.wait()


async def test_so_many_go_at_once_so_many_wait_and_more_are_not_taken() -> None:
    background, work = Background(2, 3), Work()

    taken = [background.take(functools.partial(work.do, name), name) for name in "abcdefg"]
    await work.until(work.begun, 2)

    assert taken == [True] * 5 + [False] * 2
    assert work.begun == ["a", "b"]
    work.go.set()
    await work.until(work.ended, 5)
    assert work.ended == list("abcde")
    assert background.take(lambda: work.do("h"), "h")
    await background.aclose()


async def test_a_stop_gives_up_what_goes_and_what_waits() -> None:
    background, work = Background(1, 3), Work()
    for name in "abc":
        background.take(functools.partial(work.do, name), name)
    await work.until(work.begun, 1)

    await background.aclose()

    assert (work.begun, work.ended) == (["a"], [])


async def test_a_write_that_has_begun_ends_before_its_task_is_given_up() -> None:
    background, work = Background(1, 0), Work()
    background.take(lambda: to_its_end(work.do("a")), "a")
    await work.until(work.begun, 1)

    closing = asyncio.create_task(background.aclose())
    await asyncio.sleep(0)
    assert not closing.done()
    work.go.set()
    await closing

    assert work.ended == ["a"]
