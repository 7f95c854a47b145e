import asyncio
import random

import pytest

from chatkeep.chat.guard import Limits, LoopGuard, Watch
from chatkeep.errors import ProviderTimedOut

LIMITS = Limits(first_token_s=0.01, stall_s=0.01, run_s=60, max_output_chars=100, loop_guard=True)


def fed(text: str, piece: int) -> bool:
    guard = LoopGuard()
    return any(guard.feed(text[place : place + piece]) for place in range(0, len(text), piece))


@pytest.mark.parametrize("piece", [1, 3, 7, 1000])
@pytest.mark.parametrize(
    "phrase", ["a", "ha", "I am sorry. ", "\n", '{"a": [', "Every word of this long phrase comes again and again, " * 4]
)
def test_a_phrase_that_repeats_without_end_is_seen(phrase: str, piece: int) -> None:
    assert fed("Let me think about this. " + phrase * 4000, piece)


@pytest.mark.parametrize("piece", [1, 7])
@pytest.mark.parametrize(
    "text",
    [
        "| a | b |\n| --- | --- |\n" + "".join(f"| {n} | {n * n} |\n" for n in range(300)),
        "".join(f"    self.field_{n} = field_{n}\n" for n in range(200)),
        "-" * 120 + "\n" + "word " * 20,
        "\n".join(f"{n},{n % 7},{n * 31 % 101},true" for n in range(500)),
    ],
    ids=["table", "code", "rule", "csv"],
)
def test_an_honest_text_with_repetition_in_it_is_left_alone(text: str, piece: int) -> None:
    assert not fed(text, piece)


def test_random_words_are_left_alone() -> None:
    chance = random.Random(7)
    text = " ".join(chance.choice(["alpha", "beta", "gamma", "delta"]) for _ in range(5000))

    assert not fed(text, 5)


@pytest.mark.anyio
@pytest.mark.parametrize("touched", [False, True])
async def test_silence_beyond_the_limit_cancels_the_task_and_says_which_limit(touched: bool) -> None:
    with Watch(LIMITS, "puppet") as watch:
        if touched:
            watch.touch()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    task.uncancel()

    assert isinstance(watch.expired, ProviderTimedOut)
    assert ("was silent" if touched else "no token") in watch.expired.detail


@pytest.mark.anyio
async def test_a_watch_that_was_left_cancels_nothing() -> None:
    with Watch(LIMITS, "puppet") as watch:
        watch.touch()

    await asyncio.sleep(0.03)

    assert watch.expired is None
