"""Code that is not ours, at the edge."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from chatkeep.chat.events import Delta, Finish, ProviderEvent
from chatkeep.chat.ports import ChatMessage, ProviderRequest
from chatkeep.errors import ChatkeepError, ModelNotFound, ProviderFailed, ProviderNotConfigured, StorageFull
from chatkeep.providers.foreign import ForeignProvider

pytestmark = pytest.mark.anyio

REQUEST = ProviderRequest("m", [ChatMessage("user", "hello")])


class Whole:
    """A provider with all that one has, and what a test puts in place of it."""

    name = "as it calls itself"

    def __init__(self, **other: object) -> None:
        self.__dict__.update(other)
        self.closed = False

    async def models(self) -> list[str]:
        return ["m"]

    async def check(self) -> None:
        return

    def context_tokens(self, model: str) -> int | None:
        return 512

    def can_prefill(self, model: str) -> bool:
        return True

    def can_see(self, model: str) -> bool | None:
        return True

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        yield Delta(str(request.messages[-1].content))
        yield Finish("stop")

    async def aclose(self) -> None:
        self.closed = True


def foreign(make: Callable[[], object]) -> ForeignProvider:
    return ForeignProvider("acme", "acme-chat 1.0", make)


async def events_of(provider: ForeignProvider) -> list[ProviderEvent]:
    return [event async for event in provider.stream(REQUEST)]


async def test_a_whole_provider_is_made_once_and_passed_through_under_our_name() -> None:
    made: list[Whole] = []

    def make() -> Whole:
        assert threading.current_thread() is not threading.main_thread()
        made.append(Whole())
        return made[-1]

    provider = foreign(make)
    assert (provider.context_tokens("m"), provider.can_prefill("m"), provider.can_see("m")) == (None, False, None)
    await asyncio.gather(provider.check(), provider.check())
    assert (provider.name, await provider.models()) == ("acme", ["m"])
    assert (provider.context_tokens("m"), provider.can_prefill("m"), provider.can_see("m")) == (512, True, True)
    assert await events_of(provider) == [Delta("hello"), Finish("stop")]
    await provider.aclose()
    assert [each.closed for each in made] == [True]


async def test_methods_that_block_are_called_in_a_thread() -> None:
    def blocking() -> list[str]:
        return [str(threading.current_thread() is threading.main_thread())]

    provider = foreign(lambda: Whole(models=blocking, check=blocking))
    await provider.check()
    assert await provider.models() == ["False"]


class OnlyStream:
    def stream(self) -> None: ...


def leave() -> object:
    raise SystemExit(0)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: int("x"), "ValueError: invalid literal"),
        (leave, "SystemExit: 0"),
        (object, "it has neither stream() nor generate_chat_response()"),
        (OnlyStream, "it has stream() and no models() and no check()"),
    ],
)
async def test_one_that_cannot_be_made_is_not_configured_with_the_reason_and_one_warning(
    make: Callable[[], object], says: str
) -> None:
    provider = foreign(make)
    with capture_logs() as logs:
        for ask in (provider.check, provider.models, lambda: events_of(provider)):
            with pytest.raises(ProviderNotConfigured) as caught:
                await ask()
            assert caught.value.detail.startswith("The plug-in of acme-chat 1.0 cannot be used: ")
            assert says in caught.value.detail
    assert [(entry["event"], entry["provider"], entry["origin"]) for entry in logs] == [
        ("plugin_unusable", "acme", "acme-chat 1.0")
    ]
    await provider.aclose()


async def test_one_that_takes_long_to_make_is_there_when_it_is_made() -> None:
    go = threading.Event()

    def make() -> Whole:
        go.wait()
        return Whole()

    provider = ForeignProvider("acme", "acme-chat 1.0", make, make_s=0.01)
    with capture_logs() as logs:
        for _ in range(2):
            with pytest.raises(ProviderNotConfigured, match="it has been loading for some seconds"):
                await provider.check()
    assert [entry["event"] for entry in logs] == ["plugin_unusable"]
    go.set()
    while True:
        try:
            assert await provider.models() == ["m"]
            break
        except ProviderNotConfigured:
            continue


async def test_one_that_hangs_in_its_making_keeps_nobody_from_closing() -> None:
    begun, go = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def make() -> None:
        loop.call_soon_threadsafe(begun.set)
        go.wait()

    provider = foreign(make)
    check = asyncio.create_task(provider.check())
    await begun.wait()
    await provider.aclose()
    assert not go.is_set()
    go.set()
    with pytest.raises(ProviderNotConfigured):
        await check


def raising(error: BaseException) -> Callable[..., Any]:
    def method(*_: object) -> Any:
        raise error

    return method


class Odd(BaseException):
    """What test runners and workers end their own code with."""


@pytest.mark.parametrize(
    "error", [ValueError("sec\nret"), TimeoutError(), SystemExit(1), StorageFull("theirs"), Odd("no Exception")]
)
async def test_whatever_it_raises_becomes_a_failure_of_the_provider(error: BaseException) -> None:
    async def broken(_: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        yield Delta("first ")
        raise error

    provider = foreign(lambda: Whole(models=raising(error), check=raising(error), stream=broken))
    heard: list[ProviderEvent] = []

    async def listen() -> None:
        async for event in provider.stream(REQUEST):
            heard.append(event)  # noqa: PERF401 - what came before the error counts

    for ask in (provider.check, provider.models, listen):
        with pytest.raises(ProviderFailed) as caught:
            await ask()
        assert caught.value.detail.startswith("acme: ")
        assert type(error).__name__ in caught.value.detail
        assert "\n" not in caught.value.detail
    assert heard == [Delta("first ")]


@pytest.mark.parametrize("error", [ProviderFailed("theirs"), ModelNotFound("no such model")])
async def test_what_it_raises_in_our_terms_passes(error: ChatkeepError) -> None:
    provider = foreign(lambda: Whole(stream=raising(error)))
    with pytest.raises(type(error), match=error.detail):
        await events_of(provider)


async def test_what_is_no_event_and_what_is_no_list_is_a_failure() -> None:
    async def text(_: ProviderRequest) -> AsyncGenerator[Any]:
        yield "hello"

    provider = foreign(
        lambda: Whole(stream=text, models=lambda: "m", context_tokens=raising(KeyError()), can_prefill=3, can_see="yes")
    )
    with pytest.raises(ProviderFailed, match="it gave str in place of an event"):
        await events_of(provider)
    with pytest.raises(ProviderFailed, match="no list of names"):
        await provider.models()
    assert (provider.context_tokens("m"), provider.can_prefill("m"), provider.can_see("m")) == (None, False, None)


async def test_closing_its_stream_closes_its_own() -> None:
    closed = asyncio.Event()

    async def endless(_: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        try:
            while True:
                yield Delta("more ")
        finally:
            closed.set()

    events = foreign(lambda: Whole(stream=endless)).stream(REQUEST)
    assert await anext(events) == Delta("more ")
    await events.aclose()
    assert closed.is_set()


async def test_one_that_fails_to_close_is_left_behind_with_a_warning() -> None:
    provider = foreign(lambda: Whole(aclose=raising(OSError("busy"))))
    await provider.check()
    with capture_logs() as logs:
        await provider.aclose()
    assert [(entry["event"], entry["error"]) for entry in logs] == [
        ("plugin_not_closed", "ProviderFailed: acme: OSError: busy")
    ]


async def test_one_that_cancels_itself_has_failed_and_nobody_is_cancelled() -> None:
    async def cancelled(_: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        yield Delta("first ")
        raise asyncio.CancelledError

    with pytest.raises(ProviderFailed, match="acme: it cancelled itself"):
        await events_of(foreign(lambda: Whole(stream=cancelled)))


async def test_one_that_keeps_its_cancellation_to_itself_is_ended_with_its_next_word() -> None:
    waits = asyncio.Event()

    async def stubborn(_: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        while True:
            try:
                waits.set()
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                yield Delta("still here ")

    run = asyncio.create_task(events_of(foreign(lambda: Whole(stream=stubborn))))
    await waits.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run


class Bare:
    """Events that cannot be closed."""

    def __init__(self) -> None:
        self._events: Iterator[ProviderEvent] = iter([Delta("all"), Finish("stop")])

    def __aiter__(self) -> "Bare":
        return self

    async def __anext__(self) -> ProviderEvent:
        return next(self._events)


async def failing_at_its_end(_: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
    try:
        yield Delta("all")
        yield Finish("stop")
    finally:
        raise OSError("the connection is gone")


@pytest.mark.parametrize("stream", [failing_at_its_end, lambda _: Bare()])
async def test_a_reply_that_is_whole_stays_so_when_its_stream_cannot_be_closed(
    stream: Callable[[ProviderRequest], object],
) -> None:
    events = foreign(lambda: Whole(stream=stream)).stream(REQUEST)
    assert [await anext(events), await anext(events)] == [Delta("all"), Finish("stop")]
    await events.aclose()
