"""Every view, light and dark, holds to WCAG 2.2 AA as far as axe-core can tell."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.chatting import ask
from tests.browser_kit.axe import violations_of
from tests.browser_kit.tab import PHONE, Profile, Tab
from tests.puppet_service import PuppetService
from tests.server import Server, serving

REPLY = """\
# A heading

Some *prose* with `code`, a [link](https://example.org), $x^2$ and ![a picture](https://example.org/a.png).

```python
print("hello")
```

| name | value |
|---|---|
| one | 1 |

- [x] done
- [ ] open

> said

"""


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, page: Tab) -> Tab:
    page.prefer(prefers_color_scheme=request.param, prefers_reduced_motion="reduce")
    return page


def test_an_empty_page(page: Tab) -> None:
    assert violations_of(page) == []


def test_a_chat_with_everything_in_it(page: Tab, provider: PuppetService) -> None:
    ask(page, "Show me")
    call = provider.asked("Show me")
    call.think("Let me see. ")
    page.sees("Let me see.")
    assert violations_of(page) == []
    call.say(REPLY)
    page.sees("A heading")
    assert violations_of(page) == []
    call.use_tool("weather", '{"place": "Ulm"}')
    call.finish(reason="tool_calls")
    page.sees("Call of weather")
    assert violations_of(page) == []
    page.click("button", "Edit")
    page.find("textbox", "Edit message")
    assert violations_of(page) == []


def test_what_went_wrong_and_what_waits(page: Tab, provider: PuppetService) -> None:
    ask(page, "Fail")
    call = provider.asked("Fail")
    call.say("Half of ")
    page.sees("Half of")
    ask(page, "Later")
    page.sees("Waits until the reply before it is complete.")
    assert violations_of(page) == []
    call.fail()
    provider.asked("Later").finish("Done.")
    page.sees("Done.")
    page.sees("The provider failed.")
    page.find("button", "Write a new reply")
    assert violations_of(page) == []


def test_menus_and_dialogs(page: Tab, provider: PuppetService) -> None:
    ask(page, "Hello")
    provider.asked("Hello").finish("Good day.")
    page.find("button", "Write a new reply")
    page.click("button", "Model: Default: puppet/wood")
    page.sees("wood")
    assert violations_of(page) == []
    page.press("Escape")
    page.click("button", "Chat settings")
    page.find("textbox", "System prompt")
    assert violations_of(page) == []
    page.press("Escape")
    page.click("button", "Keyboard shortcuts")
    page.find("dialog", "Keyboard shortcuts")
    assert violations_of(page) == []
    page.press("Escape")
    page.hover("link", "Hello")
    page.click("button", "Menu of Hello")
    page.find("menuitem", "Delete")
    assert violations_of(page) == []
    page.click("menuitem", "Delete")
    page.sees("is in the trash.")
    assert violations_of(page) == []


def test_search_status_and_trash(page: Tab, provider: PuppetService, server: Server) -> None:
    ask(page, "Hello")
    provider.asked("Hello").finish("Good day.")
    page.find("button", "Write a new reply")
    page.fill("textbox", "Search messages", "nowhere")
    page.sees("Messages with all words are found.")
    assert violations_of(page) == []
    page.fill("textbox", "Search messages", "day")
    page.sees("1 result")
    assert violations_of(page) == []
    page.press("Escape")
    page.click("link", "Status")
    page.sees("Since this page was opened")
    assert violations_of(page) == []
    server.client.http.delete(f"/chat/delete/{next(iter(server.client.chats()))}").raise_for_status()
    page.click("link", "Trash")
    page.find("button", "Restore Hello")
    assert violations_of(page) == []


def test_on_a_phone(page: Tab, provider: PuppetService) -> None:
    page.resize(*PHONE, is_phone=True)
    page.fill("textbox", "Message", "Show me")
    page.click("button", "Send")
    provider.asked("Show me").finish(REPLY)
    page.sees("A heading")
    assert violations_of(page) == []
    page.click("button", "Show the sidebar")
    page.find("link", "Show me")
    assert violations_of(page) == []


@pytest.fixture
def keyed(provider: PuppetService, tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "keyed", start=False, environment=provider.environment) as server:
        yield server


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_login_and_a_session_that_has_ended(
    colours: str, built_page: None, new_profile: Callable[[], Profile], keyed: Server
) -> None:
    key = keyed.add_key("alice")
    keyed.start()
    tab = new_profile().open_tab(f"{keyed.base_url}/")
    tab.prefer(prefers_color_scheme=colours)
    tab.find("textbox", "Key")
    assert violations_of(tab) == []
    tab.fill("textbox", "Key", "ck_wrong")
    tab.click("button", "Log in")
    tab.sees("This key is not valid.")
    assert violations_of(tab) == []
    tab.fill("textbox", "Key", key)
    tab.click("button", "Log in")
    tab.fill("textbox", "Message", "Hello")
    tab.evaluate("fetch('logout', { method: 'POST' }).then((answer) => answer.status)")
    tab.press("Enter")
    tab.sees("The session has ended")
    assert violations_of(tab) == []
