import asyncio
import contextvars
import threading
from collections.abc import Awaitable

import pytest

from chatkeep.providers.threads import Threads

pytestmark = pytest.mark.anyio


async def test_what_is_async_runs_here_and_what_is_not_in_a_thread_and_may_give_what_is_awaited_here() -> None:
    async def here() -> threading.Thread:
        return threading.current_thread()

    def there() -> threading.Thread:
        return threading.current_thread()

    def both() -> Awaitable[threading.Thread]:
        return here()

    threads = Threads("x")
    assert await threads.call(here) is threading.main_thread()
    assert await threads.call(there) is not threading.main_thread()
    assert await threads.call(both) is threading.main_thread()


async def test_arguments_and_context_reach_the_thread() -> None:
    variable = contextvars.ContextVar("variable", default="")
    variable.set("here")
    found = await Threads("x").call(lambda *given, **named: (given, named, variable.get()), 1, 2, a=3)
    assert found == ((1, 2), {"a": 3}, "here")


@pytest.mark.parametrize(
    ("error", "kind"), [(KeyError("k"), KeyError), (SystemExit(3), RuntimeError), (StopIteration(), RuntimeError)]
)
async def test_what_a_thread_raises_comes_out_and_never_as_what_would_end_the_process(
    error: BaseException, kind: type[Exception]
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(kind):
        await Threads("x").call(fail)


async def test_a_thread_that_hangs_keeps_its_caller_from_nothing_and_its_place_to_itself() -> None:
    threads, go, ran = Threads("x", most=1), threading.Event(), threading.Event()

    def hang() -> None:
        ran.set()
        go.wait()

    left = asyncio.create_task(threads.call(hang))
    while not ran.is_set():
        await asyncio.sleep(0)
    left.cancel()
    await asyncio.wait([left])
    assert left.cancelled()

    waiting = asyncio.create_task(threads.call(lambda: "done"))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not waiting.done()
    go.set()
    assert await waiting == "done"


async def test_a_caller_that_gave_up_waiting_takes_no_place() -> None:
    threads, go = Threads("x", most=1), threading.Event()
    busy = asyncio.create_task(threads.call(go.wait))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(threads.call(lambda: None))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    go.set()
    assert await busy
    assert await threads.call(lambda: "still") == "still"


async def test_a_thread_that_the_system_does_not_give_takes_no_place() -> None:
    threads = Threads("x", most=1)
    usual = threading.stack_size(1 << 46)  # more than a machine has addresses for
    try:
        with pytest.raises(RuntimeError):
            await threads.call(str)
    finally:
        threading.stack_size(usual)
    async with asyncio.timeout(5):
        assert await threads.call(str) == ""
