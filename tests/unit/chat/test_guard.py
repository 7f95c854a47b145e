import asyncio

import pytest

from chatkeep.chat.guard import Limits, RunTooLong, Watch
from chatkeep.errors import ProviderTimedOut, error_of

LIMITS = Limits(first_token_s=0.01, stall_s=0.01, run_s=60, max_output_chars=100, loop_guard=True)


@pytest.mark.anyio
@pytest.mark.parametrize("touched", [False, True])
async def test_silence_beyond_the_limit_cancels_the_task_and_says_which_limit(touched: bool) -> None:
    with Watch(LIMITS, "puppet", asyncio.get_running_loop().time() + 60) as watch:
        if touched:
            watch.touch()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()

    assert type(watch.expired) is ProviderTimedOut
    assert ("was silent" if touched else "no token") in watch.expired.detail


@pytest.mark.anyio
async def test_a_run_whose_time_is_over_is_told_from_a_silent_provider_and_has_its_code() -> None:
    with Watch(LIMITS, "puppet", asyncio.get_running_loop().time()) as watch, pytest.raises(asyncio.CancelledError):
        await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()

    assert type(watch.expired) is RunTooLong
    assert watch.expired.detail == "puppet was not done after 60 s."
    assert type(error_of(watch.expired.code, "")) is ProviderTimedOut


@pytest.mark.anyio
async def test_a_watch_that_was_left_cancels_nothing() -> None:
    with Watch(LIMITS, "puppet", asyncio.get_running_loop().time() + 60) as watch:
        watch.touch()

    await asyncio.sleep(0.03)

    assert watch.expired is None
