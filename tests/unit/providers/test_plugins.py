from pathlib import Path

import pytest

from chatkeep.errors import ProviderNotConfigured
from chatkeep.providers import plugins
from tests.packages import install

pytestmark = pytest.mark.anyio

CODE = """
class Chat:
    def generate_chat_response(self, messages, temperature):
        return "yes"
"""


async def test_packages_bring_providers_by_their_entry_points(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "two-chats", CODE, {"second": "Chat", "first-1": "Chat"})
    monkeypatch.syspath_prepend(tmp_path)

    found = plugins.find(())

    assert [provider.name for provider in found] == ["first-1", "second"]
    assert [await provider.models() for provider in found] == [["default"], ["default"]]


async def test_names_that_cannot_be_or_are_taken_are_told_with_the_package_and_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(
        tmp_path, "chat-one", CODE, {"mine": "Chat", "openai": "Chat", "Loud": "Chat", "a/b": "Chat", "x" * 65: "Chat"}
    )
    install(tmp_path, "chat-two", CODE, {"mine": "Chat"})
    monkeypatch.syspath_prepend(tmp_path)

    told = {}
    for provider in plugins.find({"openai"}):
        try:
            told[provider.name] = str(await provider.models())
        except ProviderNotConfigured as exc:
            told[provider.name] = exc.detail

    assert told.pop("mine") == "['default']"
    assert {name: detail.partition("ValueError: ")[2] for name, detail in told.items()} == {
        "openai (chat-one 1.0)": "the name openai is taken.",
        "mine (chat-two 1.0)": "the name mine is taken.",
        "loud (chat-one 1.0)": "the name 'Loud' is not 1 to 64 of a-z, 0-9, - and _.",
        "a/b (chat-one 1.0)": "the name 'a/b' is not 1 to 64 of a-z, 0-9, - and _.",
        f"{'x' * 65} (chat-one 1.0)": f"the name '{'x' * 65}' is not 1 to 64 of a-z, 0-9, - and _.",
    }


async def test_a_module_that_is_not_there_is_told_when_it_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "gone", "", {"gone": "Nothing"})
    monkeypatch.syspath_prepend(tmp_path)
    (gone,) = plugins.find(())
    with pytest.raises(ProviderNotConfigured, match=r"gone 1\.0 cannot be used: AttributeError"):
        await gone.check()
