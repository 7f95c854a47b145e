"""Asking and being answered, as a person does it."""

from tests.browser_kit.tab import Profile, Tab
from tests.puppet_service import PuppetService
from tests.server import Server


def test_a_reply_is_shown_as_it_comes_and_nothing_is_asked_of_another_host(page: Tab, provider: PuppetService) -> None:
    page.fill("textbox", "Message", "How are you?")
    page.click("button", "Send")
    call = provider.asked("How are you?")
    call.say("I am ", "fine")
    page.sees("I am fine")
    call.finish(".")
    page.sees("I am fine.")

    assert page.foreign_requests == []
    assert page.complaints_but("network") == []


def test_profiles_share_nothing_in_the_browser_and_tabs_of_one_do(
    page: Tab, profile: Profile, tab: Tab, server: Server
) -> None:
    page.evaluate("localStorage.setItem('mine', 'yes')")
    tab.open(server.base_url)
    assert tab.until("localStorage.getItem('mine')") == "yes"
    with tab.hidden():
        assert page.evaluate("document.hidden") is False
    assert tab.evaluate("document.hidden") is False
