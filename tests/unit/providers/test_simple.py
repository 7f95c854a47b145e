import threading

import msgspec
import pytest

from chatkeep.chat.events import Delta, Finish, ProviderEvent
from chatkeep.chat.model import ToolCall
from chatkeep.chat.ports import ChatMessage, ProviderRequest, Tool
from chatkeep.errors import ModelNotFound
from chatkeep.providers.failures import RequestRefused
from chatkeep.providers.simple import PlainMessage, SimpleProvider
from chatkeep.providers.threads import Threads

pytestmark = pytest.mark.anyio


class Parrot:
    async def generate_chat_response(self, messages: list[PlainMessage], temperature: float) -> str:
        return f"{messages[-1]['content']} at {temperature}"


class Blocking:
    models = ("small", "large")
    context_tokens = 4096

    def generate_chat_response(
        self, messages: list[PlainMessage], temperature: float, model: str, max_tokens: int | None
    ) -> str:
        return f"{model} {max_tokens} {threading.current_thread() is threading.main_thread()}"


class Given:
    """A class whose method gives `reply`."""

    def __init__(self, reply: object) -> None:
        self.reply = reply

    async def generate_chat_response(self, messages: list[PlainMessage], temperature: float) -> object:
        return self.reply


def simple(chat: object) -> SimpleProvider:
    return SimpleProvider("x", chat, Threads("x"))


async def events_of(chat: object, request: ProviderRequest) -> list[ProviderEvent]:
    return [event async for event in simple(chat).stream(request)]


async def test_a_class_with_one_method_answers_as_a_provider() -> None:
    request = ProviderRequest("default", [ChatMessage("user", [msgspec.Raw(b'{"type":"text","text":"hi"}')])])
    assert await events_of(Parrot(), request) == [Delta("hi at 0.7"), Finish("stop")]
    provider = simple(Parrot())
    assert (provider.name, await provider.models(), provider.context_tokens("default")) == ("x", ["default"], None)


async def test_the_temperature_of_the_request_reaches_it() -> None:
    request = ProviderRequest("default", [ChatMessage("user", "hi")], temperature=0)
    assert await events_of(Parrot(), request) == [Delta("hi at 0"), Finish("stop")]


async def test_it_may_name_models_and_a_window_and_block_and_is_told_what_it_has_parameters_for() -> None:
    request = ProviderRequest("large", [ChatMessage("user", "hi")], max_tokens=5)
    assert await events_of(Blocking(), request) == [Delta("large 5 False"), Finish("stop")]
    provider = simple(Blocking())
    assert (await provider.models(), provider.context_tokens("large")) == (["small", "large"], 4096)


async def test_a_model_that_it_does_not_name_is_not_found() -> None:
    with pytest.raises(ModelNotFound, match="x has no model huge; it has small, large"):
        await events_of(Blocking(), ProviderRequest("huge", []))


async def test_an_empty_reply_is_one_and_what_is_no_text_is_none() -> None:
    assert await events_of(Given(""), ProviderRequest("default", [])) == [Finish("stop")]
    for reply in (None, 5, b"bytes", ["list"]):
        with pytest.raises(TypeError, match=f"not text but {type(reply).__name__}"):
            await events_of(Given(reply), ProviderRequest("default", []))


@pytest.mark.parametrize(
    ("what", "value"),
    [
        ("models", "small"),
        ("models", []),
        ("models", [1]),
        ("models", [""]),
        ("context_tokens", 0),
        ("context_tokens", "8k"),
    ],
)
async def test_what_it_says_of_itself_must_make_sense(what: str, value: object) -> None:
    chat = Parrot()
    setattr(chat, what, value)
    with pytest.raises(ValueError, match=what):
        simple(chat)


IMAGE = msgspec.Raw(b'{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}')


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        (ProviderRequest("default", [ChatMessage("user", "hi")], tools=[Tool("f")]), "x calls no tools"),
        (ProviderRequest("default", [ChatMessage("tool", "1", tool_call_id="a")]), "x calls no tools"),
        (ProviderRequest("default", [ChatMessage("assistant", "", tool_calls=[ToolCall("a", "f", "{}")])]), "no tools"),
        (ProviderRequest("default", [ChatMessage("user", [IMAGE])]), "x takes text alone"),
        (ProviderRequest("default", [ChatMessage("user", "hi")], max_tokens=9), "x cannot bound"),
    ],
)
async def test_what_such_a_class_would_not_see_is_refused(request_: ProviderRequest, says: str) -> None:
    with pytest.raises(RequestRefused, match=says):
        await events_of(Parrot(), request_)
