"""Asking and being answered, as a person does it."""

from tests.browser.chatting import ask
from tests.browser_kit.devtools import OTHER_MACHINE
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


def test_a_question_that_is_edited_in_a_long_chat_stays_in_sight(page: Tab, provider: PuppetService) -> None:
    ask(page, "Tell me")
    provider.asked("Tell me").finish(*(f"- line {number}\n" for number in range(14)))
    page.sees("line 13")
    page.find("button", "Write a new reply")
    page.click("button", "Edit")
    field = page.find("textbox", "Edit message")
    top = page.find("log", "Messages").call("function () { return this.getBoundingClientRect().top; }")

    assert field.call("function () { return this.getBoundingClientRect().top; }") >= top


def test_a_page_that_came_by_plain_http_from_another_machine_works_as_well(
    built_page: None, profile: Profile, provider: PuppetService, server: Server
) -> None:
    page = profile.open_tab(f"http://{OTHER_MACHINE}:{server.base_url.rpartition(':')[2]}/")
    assert page.evaluate("isSecureContext") is False
    ask(page, "How are you?")
    provider.asked("How are you?").finish("Fine.")
    page.sees("Fine.")
    page.find("button", "Write a new reply")

    # That header is of no use there, and browsers say so.
    assert [each for each in page.complaints_but("network") if "Cross-Origin-Opener-Policy" not in each.text] == []
