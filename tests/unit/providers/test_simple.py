import msgspec
import pytest

from chatkeep.chat.events import Delta, Finish
from chatkeep.chat.ports import ChatMessage, ProviderRequest
from chatkeep.errors import ProviderFailed, ProviderRateLimited
from chatkeep.providers.simple import PlainMessage, SimpleProvider

pytestmark = pytest.mark.anyio


class Parrot:
    async def generate_chat_response(self, messages: list[PlainMessage], temperature: float) -> str:
        return f"{messages[-1]['content']} at {temperature}"


class Broken:
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def generate_chat_response(self, messages: list[PlainMessage], temperature: float) -> str:
        raise self.error


async def test_a_class_with_one_method_answers_as_a_provider() -> None:
    provider = SimpleProvider("parrot", Parrot())
    request = ProviderRequest("default", [ChatMessage("user", [msgspec.Raw(b'{"type":"text","text":"hi"}')])])
    assert [event async for event in provider.stream(request)] == [Delta("hi at 0.7"), Finish("stop")]
    assert (provider.name, await provider.models()) == ("parrot", ["default"])


async def test_what_it_raises_becomes_ours_and_ours_stays() -> None:
    request = ProviderRequest("default", [])
    with pytest.raises(ProviderFailed, match="KeyError"):
        _ = [event async for event in SimpleProvider("x", Broken(KeyError("k"))).stream(request)]
    with pytest.raises(ProviderRateLimited):
        _ = [event async for event in SimpleProvider("x", Broken(ProviderRateLimited("wait"))).stream(request)]
