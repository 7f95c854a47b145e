import asyncio

import pytest

from chatkeep.chat.events import Delta, Finish, ProviderEvent, Reasoning, UsageReport
from chatkeep.chat.model import ToolCall
from chatkeep.chat.ports import ChatMessage, ProviderRequest
from chatkeep.errors import ModelNotFound, ProviderFailed, ProviderRateLimited, ProviderUnavailable
from chatkeep.providers.echo import EchoProvider

pytestmark = pytest.mark.anyio


def asking(text: str, model: str = "echo", max_tokens: int | None = None) -> ProviderRequest:
    messages = [ChatMessage("system", "be kind"), ChatMessage("user", text)]
    return ProviderRequest(model, messages, max_tokens=max_tokens)


async def said(request: ProviderRequest, into: list[ProviderEvent] | None = None) -> list[ProviderEvent]:
    events: list[ProviderEvent] = [] if into is None else into
    async for event in EchoProvider().stream(request):
        events.append(event)  # noqa: PERF401 - what came before an error is kept
    return events


def text_of(events: list[ProviderEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


async def test_it_repeats_the_message_word_by_word() -> None:
    events = await said(asking("one two\nthree"))
    assert events[:3] == [Delta("one "), Delta("two\n"), Delta("three")]
    assert isinstance(events[3], UsageReport)
    assert (events[3].usage.prompt_tokens, events[3].usage.completion_tokens) == (5, 3)
    assert events[4:] == [Finish("stop")]


async def test_what_is_no_directive_stays_text() -> None:
    text = "see [[wiki]] and [[delay soon]] and [[ ]]"
    assert text_of(await said(asking(text))) == text


async def test_it_says_as_many_tokens_as_asked() -> None:
    assert text_of(await said(asking("[[tokens 3]]"))) == "w0 w1 w2"


async def test_max_tokens_cuts_with_length() -> None:
    events = await said(asking("one two three", max_tokens=2))
    assert text_of(events) == "one two "
    assert events[-1] == Finish("length")


async def test_it_thinks_aloud_when_asked_and_as_its_model_says() -> None:
    assert (await said(asking("[[reasoning hm well]] yes")))[:3] == [Reasoning("hm "), Reasoning("well "), Delta("yes")]
    assert isinstance((await said(asking("yes", model="echo-reasoning")))[0], Reasoning)


async def test_it_calls_a_tool() -> None:
    events = await said(asking('[[tool weather {"city": "Rome"}]]'))
    assert events[0] == ToolCall("call_0", "weather", '{"city": "Rome"}')
    assert events[-1] == Finish("tool_calls")


@pytest.mark.parametrize(
    ("directive", "kind", "kept"),
    [
        ("[[fail 2]]", ProviderFailed, "w0 w1 "),
        ("[[fail 0 provider_unavailable]]", ProviderUnavailable, ""),
        ("[[fail 99 provider_rate_limited]]", ProviderRateLimited, "w0 w1 w2"),
    ],
)
async def test_it_fails_where_it_is_told(directive: str, kind: type[ProviderFailed], kept: str) -> None:
    events: list[ProviderEvent] = []
    with pytest.raises(kind) as caught:
        await said(asking(f"{directive} [[tokens 3]]"), into=events)
    assert type(caught.value) is kind
    assert text_of(events) == kept


async def test_it_ends_without_finish_where_it_is_cut() -> None:
    assert await said(asking("[[cut 2]] [[tokens 3]]")) == [Delta("w0 "), Delta("w1 ")]


async def test_it_hangs_until_it_is_cancelled() -> None:
    events: list[ProviderEvent] = []
    task = asyncio.create_task(said(asking("[[hang 1]] [[tokens 3]]"), into=events))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert events == [Delta("w0 ")]


async def test_a_loop_goes_on_as_long_as_one_listens() -> None:
    heard = ""
    stream = EchoProvider().stream(asking("[[loop]] ab "))
    async for event in stream:
        assert isinstance(event, Delta)
        heard += event.text
        if len(heard) > 1000:
            break
    await stream.aclose()
    assert heard.startswith("ab ab ab")


def going_on(text: str, begun: str, model: str = "echo", max_tokens: int | None = None) -> ProviderRequest:
    messages = [*asking(text).messages, ChatMessage("assistant", begun)]
    return ProviderRequest(model, messages, max_tokens=max_tokens)


async def test_it_goes_on_with_what_was_begun_and_says_none_of_it_again() -> None:
    events = await said(going_on("one two three", "one two "))
    assert events[0] == Delta("three")
    assert isinstance(events[1], UsageReport)
    assert (events[1].usage.prompt_tokens, events[1].usage.completion_tokens) == (7, 1)
    assert events[2:] == [Finish("stop")]


@pytest.mark.parametrize("directive", ["[[fail 5]]", "[[hang 5]]", "[[cut 5]]", "[[fail 2]]"])
async def test_a_place_that_was_reached_is_behind_it(directive: str) -> None:
    events = await said(going_on(f"{directive} [[tokens 7]]", "w0 w1 w2 w3 w4 "))
    assert text_of(events) == "w5 w6"
    assert events[-1] == Finish("stop")


async def test_a_place_that_is_still_to_come_is_not_forgotten() -> None:
    events: list[ProviderEvent] = []
    with pytest.raises(ProviderFailed):
        await said(going_on("[[fail 2]] [[tokens 3]]", "w0 "), into=events)
    assert text_of(events) == "w1 "


async def test_a_failure_after_the_last_word_happens_once() -> None:
    assert (await said(going_on("[[fail 99]] [[tokens 3]]", "w0 w1 w2")))[-1] == Finish("stop")


async def test_it_does_not_think_again_and_its_thoughts_count_as_places() -> None:
    events = await said(going_on("[[fail 3]] [[reasoning hm well]] yes it is", "yes "))
    assert (text_of(events), events[-1]) == ("it is", Finish("stop"))
    assert not any(isinstance(event, Reasoning) for event in events)


async def test_max_tokens_bounds_what_is_said_now() -> None:
    events = await said(going_on("one two three four", "one ", max_tokens=2))
    assert (text_of(events), events[-1]) == ("two three ", Finish("length"))
    assert (await said(going_on("one two three", "one ", max_tokens=2)))[-1] == Finish("stop")


async def test_another_model_is_not_found() -> None:
    with pytest.raises(ModelNotFound):
        await said(asking("hi", model="gpt-4o"))
