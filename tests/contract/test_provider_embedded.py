"""The embedded model, for real: it answers, keeps to itself, and comes back when it is killed."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest

from chatkeep.chat.events import Delta, Finish, ProviderEvent, UsageReport
from chatkeep.chat.ports import ChatMessage, ProviderRequest, Tool
from chatkeep.errors import ContextTooLong, ModelNotFound, ProviderFailed, ProviderNotConfigured, ProviderUnavailable
from chatkeep.providers.embedded import MODEL, EmbeddedProvider, model_path
from chatkeep.providers.failures import RequestRefused
from chatkeep.providers.http import Service
from chatkeep.providers.openai import OpenAIProvider
from tests.upstream import Act, said, streamed, upstream


def _missing() -> str:
    """Why the model cannot be tested here, empty when it can."""
    try:
        model_path()
    except ProviderNotConfigured as exc:
        return exc.detail
    return ""


pytestmark = [pytest.mark.anyio, pytest.mark.skipif(bool(_missing()), reason=_missing() or "-")]
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

SYSTEM = ChatMessage("system", "You are a helpful AI assistant.")
# Why these: at a higher temperature so small a model now and then rambles on until its context is full.
PARIS = ProviderRequest(
    MODEL, [SYSTEM, ChatMessage("user", "What is the capital of France?")], temperature=0, max_tokens=64
)
LONG = ProviderRequest(MODEL, [SYSTEM, ChatMessage("user", "Tell me a very long story.")])

PARENT = """
import asyncio
from chatkeep.providers.embedded import EmbeddedProvider
from chatkeep.providers.failures import RequestRefused

async def main():
    provider = EmbeddedProvider(idle_s=900)
    await provider.warm_up()
    print(provider.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def provider() -> AsyncIterator[EmbeddedProvider]:
    embedded = EmbeddedProvider(idle_s=900)
    yield embedded
    await embedded.aclose()


async def collected(provider: EmbeddedProvider, request: ProviderRequest) -> list[ProviderEvent]:
    async with asyncio.timeout(60):
        return [event async for event in provider.stream(request)]


def running_pid(provider: EmbeddedProvider) -> int:
    assert provider.pid is not None
    return provider.pid


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


def environment_and_command(pid: int) -> bytes:
    return Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()


async def gone(pid: int) -> None:
    """Return when no process has that id, or fail."""
    async with asyncio.timeout(10):
        while exists(pid):
            await asyncio.sleep(0.01)


async def test_it_knows_the_capital_of_france(provider: EmbeddedProvider) -> None:
    events = await collected(provider, PARIS)
    assert "Paris" in "".join(event.text for event in events if isinstance(event, Delta))
    assert isinstance(events[-2], UsageReport)
    assert events[-1] == Finish("stop")


async def test_it_goes_on_with_a_reply_that_was_begun_and_says_none_of_it_again(provider: EmbeddedProvider) -> None:
    begun = ChatMessage("assistant", "The capital of France is")
    events = await collected(provider, ProviderRequest(MODEL, [*PARIS.messages, begun], temperature=0, max_tokens=64))
    assert "".join(event.text for event in events if isinstance(event, Delta)) == " Paris."
    assert events[-1] == Finish("stop")


async def test_tools_and_images_are_refused_before_anything_is_started(provider: EmbeddedProvider) -> None:
    image = msgspec.Raw(b'{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}')
    for request in (
        ProviderRequest(MODEL, PARIS.messages, tools=[Tool("f")]),
        ProviderRequest(MODEL, [ChatMessage("user", [image])]),
    ):
        with pytest.raises(RequestRefused):
            await collected(provider, request)
    assert provider.pid is None


@on_linux
async def test_its_process_gets_none_of_our_environment_and_no_key(provider: EmbeddedProvider) -> None:
    os.environ["CHATKEEP_TEST_SECRET"] = "canary"
    try:
        await provider.warm_up()
    finally:
        del os.environ["CHATKEEP_TEST_SECRET"]
    shown = environment_and_command(running_pid(provider))
    names = {line.partition(b"=")[0] for line in shown.split(b"\0")}
    assert b"canary" not in shown
    assert not [name for name in names if b"KEY" in name or b"TOKEN" in name or b"SECRET" in name]


@on_linux
async def test_its_process_dies_with_a_killed_server() -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE) as parent:  # noqa: ASYNC220 - short
        assert parent.stdout
        pid = int(await asyncio.to_thread(parent.stdout.readline))
        assert exists(pid)
        parent.kill()
    await gone(pid)


@on_linux
async def test_a_killed_process_fails_its_reply_and_the_next_call_works(provider: EmbeddedProvider) -> None:
    events = aiter(provider.stream(LONG))
    await anext(events)
    first = running_pid(provider)
    os.kill(first, signal.SIGKILL)
    with pytest.raises(ProviderFailed):
        async for _ in events:
            pass
    assert (await collected(provider, PARIS))[-1] == Finish("stop")
    assert running_pid(provider) != first


@on_linux
async def test_a_process_killed_between_calls_is_replaced_unnoticed(provider: EmbeddedProvider) -> None:
    await provider.warm_up()
    os.kill(running_pid(provider), signal.SIGKILL)
    assert (await collected(provider, PARIS))[-1] == Finish("stop")


@on_linux
async def test_a_process_that_dies_again_and_again_is_not_started_at_once(provider: EmbeddedProvider) -> None:
    for _ in range(3):
        await provider.warm_up()
        os.kill(running_pid(provider), signal.SIGKILL)
        async with asyncio.timeout(10):
            while provider.pid is not None:
                await asyncio.sleep(0.01)
    with pytest.raises(ProviderUnavailable) as caught:
        await provider.warm_up()
    assert caught.value.retry_after_s
    assert caught.value.retry_after_s <= 1.0


async def test_calls_at_once_share_one_process(provider: EmbeddedProvider) -> None:
    pids: set[int] = set()

    async def ask() -> None:
        async for _ in provider.stream(PARIS):
            pids.add(running_pid(provider))

    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        for _ in range(3):
            group.create_task(ask())
    assert len(pids) == 1


@on_linux
async def test_closing_ends_the_process(provider: EmbeddedProvider) -> None:
    await provider.warm_up()
    pid = running_pid(provider)
    await provider.aclose()
    assert provider.pid is None
    await gone(pid)


async def test_its_end_cuts_no_stream_of_another_service(provider: EmbeddedProvider) -> None:
    first, *rest = said("one ", "two")
    async with (
        upstream(streamed(first, Act.WAIT_FOR_GO, *rest)) as server,
        aclosing(Service("other", server.url)) as other,
        aclosing(OpenAIProvider(other).stream(PARIS)) as events,
    ):
        heard = [await anext(events)]
        await collected(provider, PARIS)
        await provider.aclose()
        server.go.set()
        heard += [event async for event in events]
    assert heard == [Delta("one "), Delta("two"), Finish("stop")]


@on_linux
async def test_closing_while_it_comes_back_leaves_no_process() -> None:
    provider = EmbeddedProvider(idle_s=0)
    await provider.warm_up()
    pid = running_pid(provider)
    while provider.pid is not None:
        await asyncio.sleep(0)
    coming_back = asyncio.create_task(provider.warm_up())
    for _ in range(3):  # until the new start waits for the old process's end
        await asyncio.sleep(0)
    await provider.aclose()
    with pytest.raises(asyncio.CancelledError):
        await coming_back
    assert not exists(pid)


@on_linux
async def test_it_leaves_memory_when_idle_and_comes_back() -> None:
    provider = EmbeddedProvider(idle_s=0.05)
    await provider.warm_up()
    await gone(running_pid(provider))
    assert (await collected(provider, PARIS))[-1] == Finish("stop")
    await provider.aclose()


async def test_a_prompt_beyond_its_window_is_the_callers_to_mend(provider: EmbeddedProvider) -> None:
    with pytest.raises(ContextTooLong):
        await collected(provider, ProviderRequest(MODEL, [ChatMessage("user", "word " * 5000)]))


async def test_another_model_is_not_found(provider: EmbeddedProvider) -> None:
    with pytest.raises(ModelNotFound):
        await collected(provider, ProviderRequest("gpt-4o", [SYSTEM]))
