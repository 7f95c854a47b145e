"""The page for whoever uses it: logging in, by keyboard, on a phone, in another language, in dark and in light."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.browser.conftest import Stage
from tests.browser_kit.axe import violations_of
from tests.browser_kit.tab import PHONE, Profile, Tab
from tests.puppet_service import PuppetService
from tests.real_proxies import free_port
from tests.server import Server, eventually, serving

SMALL_PHONE = (320, 640)
DARK = "rgb(20, 23, 26)"
LIGHT = "rgb(255, 255, 255)"
BACKGROUND = "getComputedStyle(document.documentElement).backgroundColor"
FOCUSED = "document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText"


class Locked(NamedTuple):
    """A server that wants a key, `key` of alice's."""

    server: Server
    provider: PuppetService
    key: str


@pytest.fixture
def locked(own: Stage) -> Locked:
    return Locked(*own, own.server.add_key("alice"))


def log_in(tab: Tab, key: str) -> None:
    tab.fill("textbox", "Key", key)
    tab.click("button", "Log in")


# Logging in


def test_a_server_without_keys_asks_for_none_and_offers_no_way_out(page: Tab) -> None:
    page.sees("Status")
    assert not page.has("button", "Log out")
    assert not page.has("textbox", "Key")


def test_with_the_key_one_is_where_the_address_said(built_page: None, tab: Tab, locked: Locked) -> None:
    tab.open(f"{locked.server.base_url}/#/status")
    tab.sees("This server asks for an API key")
    assert violations_of(tab) == []
    log_in(tab, locked.key)
    tab.find("heading", "Status")
    tab.sees("alice")
    assert tab.url.endswith("#/status")


def test_a_wrong_key_is_told_and_too_many_are_told_with_the_wait(built_page: None, tab: Tab, tmp_path: Path) -> None:
    with serving(tmp_path / "limited", environment={"CHATKEEP_RATE_LIMIT_ENABLED": "true"}) as server:
        key = server.add_key("alice")
        tab.open(server.base_url)
        log_in(tab, "ck_wrong")
        tab.sees("This key is not valid.")
        for _ in range(20):
            server.client.http.post("/login", json={"key": "ck_wrong"})
        log_in(tab, "ck_wrong")
        tab.sees("Too many wrong keys. The next try is possible in ")
        log_in(tab, key)
        tab.sees("alice")


def test_the_key_is_nowhere_in_the_page_after_the_login(built_page: None, tab: Tab, locked: Locked) -> None:
    tab.open(locked.server.base_url)
    log_in(tab, locked.key)
    tab.find("textbox", "Message")
    kept = tab.evaluate(
        """(async () => {
          const databases = await Promise.all((await indexedDB.databases()).map(({ name }) => new Promise((resolve) => {
            indexedDB.open(name).onsuccess = async ({ target: { result: database } }) => {
              const all = [...database.objectStoreNames].map((store) => new Promise((found) => {
                const asked = database.transaction(store).objectStore(store).getAll();
                asked.onsuccess = () => found(asked.result);
              }));
              resolve(await Promise.all(all));
            };
          })));
          return JSON.stringify([{ ...localStorage }, { ...sessionStorage }, document.cookie, history.state, databases,
            location.href, document.documentElement.outerHTML, [...document.querySelectorAll("input")].map(
              ({ value }) => value)]);
        })()"""
    )
    assert locked.key not in kept
    assert locked.key.removeprefix("ck_") not in kept


def test_who_has_logged_in_stays_so_after_a_reload(built_page: None, tab: Tab, locked: Locked) -> None:
    tab.open(locked.server.base_url)
    log_in(tab, locked.key)
    tab.sees("alice")
    tab.reload()
    tab.sees("alice")
    assert not tab.has("textbox", "Key")


def test_a_session_that_ends_asks_over_the_page_and_what_was_typed_stays(
    built_page: None, tab: Tab, locked: Locked
) -> None:
    tab.open(locked.server.base_url)
    log_in(tab, locked.key)
    tab.fill("textbox", "Message", "half a thought")
    locked.server.keys("revoke", "alice")
    tab.find("dialog", "The session has ended")
    tab.press("Escape", "Escape")
    tab.find("dialog", "The session has ended")
    assert violations_of(tab) == []
    log_in(tab, locked.server.add_key("alice"))
    tab.is_gone("dialog")
    assert tab.find("textbox", "Message").text == "half a thought"


def test_what_is_sent_with_a_session_that_ended_is_asked_once_after_the_next_login(
    built_page: None, tab: Tab, locked: Locked
) -> None:
    tab.open(locked.server.base_url)
    log_in(tab, locked.key)
    tab.fill("textbox", "Message", "Are you there?")
    tab.ask("Network.clearBrowserCookies")
    tab.press("Enter")
    log_in(tab, locked.key)
    locked.provider.asked("Are you there?").finish("I am.")
    tab.sees("I am.")
    assert len(locked.provider.calls) == 1


def test_logging_out_forgets_drafts_and_closes_the_other_tabs_too(
    built_page: None, profile: Profile, tab: Tab, locked: Locked
) -> None:
    tab.open(locked.server.base_url)
    log_in(tab, locked.key)
    tab.fill("textbox", "Message", "a secret thought")
    other = profile.open_tab(locked.server.base_url)
    other.find("textbox", "Message")
    tab.click("button", "Log out")
    for each in (tab, other):
        each.find("textbox", "Key")
        assert not each.has("textbox", "Message")
    assert "thought" not in tab.evaluate("JSON.stringify({ ...localStorage })")
    log_in(tab, locked.key)
    assert tab.find("textbox", "Message").text == ""
    other.find("textbox", "Message")


def test_who_logs_in_after_another_sees_nothing_of_what_that_one_searched_was_told_and_read(
    built_page: None, tab: Tab, locked: Locked
) -> None:
    tab.open(locked.server.base_url)
    log_in(tab, locked.key)
    tab.fill("textbox", "Message", "My walrus is ill")
    tab.press("Enter")
    locked.provider.asked("My walrus is ill").finish("A walrus needs fish.")
    tab.sees("A walrus needs fish.")
    tab.until("document.title.includes('walrus')")
    tab.fill("textbox", "Search messages", "walrus")
    tab.sees("2 results")
    tab.click("button", "Menu of My walrus is ill")
    tab.click("menuitem", "Delete")
    tab.find("button", "Undo")
    tab.click("button", "Log out")
    tab.find("textbox", "Key")
    assert "walrus" not in tab.text + tab.evaluate("document.title")
    log_in(tab, locked.server.add_key("bob"))
    tab.find("textbox", "Message")
    assert "walrus" not in tab.text + tab.evaluate("document.title")
    assert tab.find("textbox", "Search messages").text == ""


def test_a_server_that_is_away_at_the_start_is_waited_for(built_page: None, tab: Tab, server: Server) -> None:
    tab.ask("Network.setBlockedURLs", urls=["*/login"])
    tab.open(server.base_url)
    tab.sees("The server cannot be reached")
    assert violations_of(tab) == []
    tab.ask("Network.setBlockedURLs", urls=[])
    tab.find("textbox", "Message")


@pytest.fixture
def on_one_port(tmp_path: Path, provider: PuppetService) -> Iterator[Server]:
    """A server that comes back where it was."""
    options = ("--port", str(free_port()))
    with serving(tmp_path / "chats", environment=provider.environment, options=options) as running:
        yield running


def test_a_break_of_the_line_is_told_and_the_end_of_it_too(built_page: None, tab: Tab, on_one_port: Server) -> None:
    tab.open(on_one_port.base_url)
    tab.find("textbox", "Message")
    on_one_port.kill()
    tab.sees("Reconnecting… What is sent now is kept, and sent then.")
    assert violations_of(tab) == []
    on_one_port.start()
    tab.sees_no("Reconnecting…")


# By keyboard


def test_the_sheet_lists_what_is_bound_and_letters_do_nothing_while_one_types(page: Tab) -> None:
    page.fill("textbox", "Message", "")
    page.press("?")
    assert page.find("textbox", "Message").text == "?"
    page.evaluate("document.activeElement.blur()")
    page.press("?")
    page.find("dialog", "Keyboard shortcuts")
    for said in ("Show or hide the sidebar", "New chat", "Chat below"):
        page.sees(said)
    assert violations_of(page) == []
    page.press("Escape")
    page.is_gone("dialog")


def test_single_keys_can_be_switched_off(page: Tab) -> None:
    page.evaluate("document.activeElement.blur()")
    page.press("?")
    page.click("checkbox", "Use keys without Ctrl, Alt or ⌘")
    page.press("Escape")
    page.is_gone("dialog")
    page.press("s", "Control+B")
    page.is_gone("complementary", "Sidebar")
    assert not page.url.endswith("#/status")


def test_chats_are_changed_by_keys(page: Tab, server: Server, provider: PuppetService) -> None:
    for chat_id in ("first", "second"):
        server.client.begin(chat_id, chat_id=chat_id)
        provider.asked(chat_id).finish("Yes.")
        eventually(lambda: not any(chat["active_run"] for chat in server.client.chats().values()))
    page.reload()  # with the list in its last order
    page.find("link", re.compile("second"))
    page.find("textbox", "Message")
    page.press("Alt+ArrowDown")
    page.until("location.hash === '#/chat/second'")
    page.press("Alt+ArrowDown")
    page.until("location.hash === '#/chat/first'")
    page.press("Alt+ArrowUp")
    page.until("location.hash === '#/chat/second'")
    page.press("Control+Shift+O")
    page.until("location.hash === '#/'")


def test_a_reply_is_stopped_copied_and_asked_for_again_by_keys(page: Tab, provider: PuppetService) -> None:
    page.fill("textbox", "Message", "Count.")
    page.press("Enter")
    provider.asked("Count.").say("one, two")
    page.sees("one, two")
    page.press("Escape")
    page.sees("Stopped")
    page.press("Control+Shift+C")
    page.sees("Copied.")
    assert page.clipboard == "one, two"
    page.press("Alt+R")
    provider.call(1).finish("three, four")
    page.sees("three, four")
    page.evaluate("document.activeElement.blur()")
    page.press("c")
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"


def test_the_first_tab_stop_leads_past_the_sidebar(page: Tab) -> None:
    page.evaluate("location.hash = '#/status'")
    page.reload()
    page.find("heading", "Status")
    page.press("Tab")
    assert page.evaluate(FOCUSED) == "Skip to the content"
    page.press("Enter")
    assert page.evaluate("document.activeElement.tagName") == "MAIN"


def test_a_folded_sidebar_stays_folded(page: Tab) -> None:
    page.click("button", "Hide the sidebar")
    page.is_gone("complementary", "Sidebar")
    page.reload()
    page.find("textbox", "Message")
    assert not page.has("complementary", "Sidebar")
    page.find("button", "Show the sidebar").focus()
    page.press("Enter")
    page.find("complementary", "Sidebar")
    page.until(f"({FOCUSED}) === 'Hide the sidebar'")


# On a phone


def test_on_a_phone_the_sidebar_is_a_drawer_that_takes_the_focus_and_gives_it_back(page: Tab) -> None:
    page.resize(*PHONE, is_phone=True)
    page.find("button", "Show the sidebar").focus()
    page.press("Enter")
    page.find("complementary", "Sidebar")
    page.until("document.querySelector('aside').contains(document.activeElement)")
    assert page.evaluate("document.querySelector('main').inert")
    assert violations_of(page) == []
    page.press("Escape")
    page.is_gone("complementary", "Sidebar")
    page.until(f"({FOCUSED}) === 'Show the sidebar'")
    assert not page.evaluate("document.querySelector('main').inert")


def test_a_tap_beside_the_drawer_and_a_way_taken_in_it_close_it(page: Tab) -> None:
    page.resize(*PHONE, is_phone=True)
    page.click("button", "Show the sidebar")
    page.find("complementary", "Sidebar")
    page.click_at(PHONE[0] - 10, 400)
    page.is_gone("complementary", "Sidebar")
    page.click("button", "Show the sidebar")
    page.click("link", "Status")
    page.find("heading", "Status")
    page.is_gone("complementary", "Sidebar")


@pytest.mark.parametrize("place", ["#/", "#/status", "#/trash"])
def test_nothing_needs_scrolling_to_the_side_at_320_pixels(page: Tab, place: str) -> None:
    page.resize(*SMALL_PHONE, is_phone=True)
    page.evaluate(f"location.hash = '{place}'")
    page.find("button", "Show the sidebar")
    assert page.evaluate("document.documentElement.scrollWidth") <= SMALL_PHONE[0]
    page.click("button", "Show the sidebar")
    assert page.evaluate("document.documentElement.scrollWidth") <= SMALL_PHONE[0]


# Language and theme


def test_the_page_speaks_the_browsers_language_and_another_one_by_choice(
    built_page: None, tab: Tab, server: Server
) -> None:
    tab.speak("de-DE,de")
    tab.open(server.base_url)
    tab.find("textbox", "Nachricht")
    assert tab.evaluate("document.documentElement.lang") == "de"
    tab.evaluate(
        """(() => {
          const choice = document.querySelector("select");
          choice.value = "en";
          choice.dispatchEvent(new Event("change", { bubbles: true }));
        })()"""
    )
    tab.find("textbox", "Message")
    assert tab.evaluate("document.documentElement.lang") == "en"
    tab.reload()
    tab.find("textbox", "Message")


def test_the_theme_is_the_systems_until_one_is_chosen(page: Tab) -> None:
    page.prefer(prefers_color_scheme="dark")
    page.until(f"{BACKGROUND} === '{DARK}'")
    page.prefer(prefers_color_scheme="light")
    page.until(f"{BACKGROUND} === '{LIGHT}'")
    page.click("radio", "Dark")
    page.until(f"{BACKGROUND} === '{DARK}'")
    assert page.evaluate("document.querySelector('meta[name=theme-color]').content") == DARK
    page.reload()
    page.find("textbox", "Message")
    assert page.evaluate(BACKGROUND) == DARK


@pytest.mark.parametrize(("system", "chosen", "seen"), [("dark", None, DARK), ("light", "dark", DARK)])
def test_the_page_is_first_drawn_in_its_theme(
    page: Tab, profile: Profile, server: Server, system: str, chosen: str | None, seen: str
) -> None:
    if chosen is not None:
        page.evaluate(f"localStorage.setItem('chatkeep.theme', '{chosen}')")
    tab = profile.open_tab()
    tab.prefer(prefers_color_scheme=system)
    tab.before_each_page(
        f"""requestAnimationFrame(function look() {{
          if (document.querySelector("#page")) window.seen = [...(window.seen ?? []), {BACKGROUND}];
          requestAnimationFrame(look);
        }})"""
    )
    tab.open(server.base_url)
    tab.find("textbox", "Message")
    assert set(tab.evaluate("window.seen")) == {seen}


def test_a_view_whose_code_did_not_come_can_be_asked_for_again_and_tells_of_a_newer_page(page: Tab) -> None:
    page.ask("Network.setBlockedURLs", urls=["*/StatusView*.js"])
    page.click("link", "Status")
    page.find("button", "Try again")
    page.sees("the server has a newer page: load this one again")
    page.find("heading", "Status")
    page.ask("Network.setBlockedURLs", urls=[])
    page.click("button", "Try again")
    page.find("heading", "Providers")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("place", ["#/", "#/status", "#/trash"])
def test_nothing_in_a_view_keeps_anybody_out(page: Tab, place: str, scheme: str) -> None:
    page.prefer(prefers_color_scheme=scheme)
    page.evaluate(f"location.hash = '{place}'")
    page.find("heading", {"#/": "New chat", "#/status": "Status", "#/trash": "Trash"}[place])
    assert violations_of(page) == []


def test_nothing_moves_for_those_who_want_it_still(page: Tab) -> None:
    page.prefer(prefers_reduced_motion="reduce")
    page.resize(*PHONE, is_phone=True)
    page.click("button", "Show the sidebar")
    page.find("complementary", "Sidebar")
    moving = "document.getAnimations().filter((each) => each.effect.getComputedTiming().duration > 0).length"
    assert page.evaluate(moving) == 0


# The first run


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[Server]:
    """A server whose only service does not answer."""
    nobody = {"PUPPET_BASE_URL": "http://127.0.0.1:9/v1", "PUPPET_MODEL": "wood", "CHATKEEP_PROVIDER": "puppet"}
    with serving(tmp_path / "alone", environment={**nobody, "CHATKEEP_ECHO": "false"}) as running:
        yield running


def test_when_nobody_can_answer_that_is_told_with_the_reason(built_page: None, tab: Tab, alone: Server) -> None:
    tab.open(alone.base_url)
    tab.sees("No model can answer now")
    tab.sees("puppet cannot be reached")
    tab.sees("OPENAI_API_KEY=… make run")
    assert violations_of(tab) == []


def test_a_second_person_in_another_browser_is_asked_for_a_key(
    built_page: None, tab: Tab, new_profile: Callable[[], Profile], locked: Locked
) -> None:
    tab.open(locked.server.base_url)
    log_in(tab, locked.key)
    tab.sees("alice")
    other = new_profile().open_tab(locked.server.base_url)
    other.find("textbox", "Key")
    assert "alice" not in other.text


def test_the_page_can_be_installed(page: Tab) -> None:
    found = page.ask("Page.getAppManifest")
    assert found["errors"] == []
    errors = page.ask("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [error["errorId"] for error in errors] == ["in-incognito"]  # as every profile of a test is
