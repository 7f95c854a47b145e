"""A reply goes on exactly where it was, and what is sent arrives once, whatever breaks in between."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.chatting import WORDS, ask, chat_id_of, questions_in, reads, spaced
from tests.browser_kit.tab import Profile, Tab
from tests.cuttable_line import CuttableLine, line_to
from tests.puppet_service import PuppetService
from tests.server import Server, eventually, serving

FIRST, SECOND, LAST = WORDS[:20], WORDS[20:40], WORDS[40:]
CLOCK = "{ const now = Date.now; window.sleptMs = 0; Date.now = () => now() + window.sleptMs; }"
HURRY = "{ const wait = setTimeout; window.setTimeout = (work, ms) => wait(work, ms === 30_000 ? 50 : ms); }"


@pytest.fixture
def line(server: Server) -> Iterator[CuttableLine]:
    with line_to(server.base_url) as opened:
        yield opened


@pytest.fixture
def page(built_page: None, profile: Profile, line: CuttableLine) -> Tab:
    """The page, over a line that can be cut, on a machine that can sleep."""
    opened = profile.open_tab()
    opened.before_each_page(CLOCK)
    opened.open(f"{line.url}/")
    opened.find("textbox", "Message")
    return opened


def start_again(server: Server, line: CuttableLine) -> None:
    server.start()
    line.lead_to(server.base_url)


def test_a_page_loaded_anew_in_the_middle_of_a_reply_goes_on_where_it_was(
    page: Tab, provider: PuppetService, server: Server
) -> None:
    ask(page, "Count")
    call = provider.asked("Count")
    call.say(*spaced(FIRST))
    reads(page, FIRST)
    page.reload()
    call.say(*spaced(SECOND))
    reads(page, FIRST + SECOND)
    page.reload()
    reads(page, FIRST + SECOND)
    call.finish(*spaced(LAST))
    reads(page, WORDS)
    page.find("button", "Write a new reply")
    page.reload()
    reads(page, WORDS)

    assert len(provider.calls) == 1
    assert questions_in(server, chat_id_of(page)) == ["Count"]


def test_while_the_network_is_away_the_reply_stays_and_what_is_sent_is_kept_and_sent_once_later(
    page: Tab, provider: PuppetService, server: Server, line: CuttableLine
) -> None:
    ask(page, "Count")
    call = provider.asked("Count")
    call.say(*spaced(FIRST))
    reads(page, FIRST)
    with line.down(), page.offline():
        call.say(*spaced(SECOND))
        ask(page, "And then?")
        page.sees("Not sent yet.")
        page.sees("Reconnecting…")
        reads(page, FIRST)
    reads(page, FIRST + SECOND)
    page.sees("Waits until the reply before it is complete.")
    page.sees_no("Reconnecting…")
    call.finish(*spaced(LAST))
    reads_before(page, WORDS)
    provider.asked("And then?").finish(*spaced(FIRST))
    reads(page, FIRST)

    assert [call.question for call in provider.calls] == ["Count", "And then?"]
    assert questions_in(server, chat_id_of(page)) == ["Count", "And then?"]


def reads_before(page: Tab, words: list[str]) -> None:
    """The reply before the last question."""
    page.wait_for(lambda: " ".join(words) in page.all("article", "Assistant")[0].text, f"the reply {words}")


def test_a_reply_that_a_killed_server_was_writing_keeps_all_that_was_shown_and_can_go_on(
    page: Tab, provider: PuppetService, server: Server, line: CuttableLine
) -> None:
    ask(page, "Count")
    provider.asked("Count").say(*spaced(FIRST))
    reads(page, FIRST)
    server.kill()
    page.sees("Reconnecting…")
    reads(page, FIRST)
    start_again(server, line)
    page.sees("The server was stopped while this was written.")
    reads(page, FIRST)
    page.click("button", "Continue")
    call = provider.call(1)
    call.say(*spaced(SECOND))
    reads(page, FIRST + SECOND)
    call.finish(*spaced(LAST))
    reads(page, WORDS)
    page.find("button", "Write a new reply")
    reads(page, WORDS)

    assert len(page.all("article", "Assistant")) == 1
    assert page.complaints_but("network") == []


def test_a_message_that_is_sent_while_the_server_is_dead_arrives_once(
    page: Tab, provider: PuppetService, server: Server, line: CuttableLine
) -> None:
    ask(page, "Count")
    provider.asked("Count").finish(*spaced(FIRST))
    reads(page, FIRST)
    page.find("button", "Write a new reply")
    server.kill()
    ask(page, "And then?")
    page.sees("Not sent yet.")
    start_again(server, line)
    provider.asked("And then?").finish(*spaced(SECOND))
    reads(page, SECOND)

    assert questions_in(server, chat_id_of(page)) == ["Count", "And then?"]


def test_after_a_sleep_in_which_its_connections_died_without_a_word_the_page_comes_back(
    page: Tab, provider: PuppetService, line: CuttableLine
) -> None:
    ask(page, "Count")
    call = provider.asked("Count")
    call.say(*spaced(FIRST))
    reads(page, FIRST)
    page.freeze()
    line.fall_silent(b"GET /runs/", b"GET /api/llm/ws/")  # browsers end idle connections themselves when they wake
    call.say(*spaced(SECOND))
    page.thaw()
    page.evaluate("window.sleptMs = 3_600_000")
    reads(page, FIRST + SECOND)
    call.finish(*spaced(LAST))
    reads(page, WORDS)


def test_two_tabs_show_one_chat_alike_and_a_stop_in_one_ends_the_reply_in_both(
    page: Tab, provider: PuppetService, profile: Profile, line: CuttableLine
) -> None:
    ask(page, "Count")
    call = provider.asked("Count")
    call.say(*spaced(FIRST))
    reads(page, FIRST)
    other = profile.open_tab(page.url)
    reads(other, FIRST)
    call.say(*spaced(SECOND))
    reads(page, FIRST + SECOND)
    reads(other, FIRST + SECOND)
    other.click("button", "Stop")
    for each in (page, other):
        each.sees("Stopped")
        each.is_gone("button", "Stop")
        reads(each, FIRST + SECOND)
    eventually(lambda: call.is_closed)

    ask(other, "And then?")
    provider.asked("And then?").finish(*spaced(LAST))
    for each in (page, other):
        each.sees("And then?")
        reads(each, LAST)


def test_what_one_tab_does_to_a_chat_is_seen_in_the_other(page: Tab, provider: PuppetService, profile: Profile) -> None:
    ask(page, "Count")
    provider.asked("Count").finish(*spaced(FIRST))
    reads(page, FIRST)
    other = profile.open_tab(page.url)
    reads(other, FIRST)

    page.click("button", "Edit")
    page.fill("textbox", "Edit message", "Count on")
    page.click("button", "Save and send")
    provider.asked("Count on").finish(*spaced(SECOND))
    for each in (page, other):
        reads(each, SECOND)
        each.sees("2 of 2")
    other.click("button", "Previous version")
    for each in (page, other):
        reads(each, FIRST)
        each.sees("1 of 2")


def test_a_reply_goes_on_while_another_chat_is_open(page: Tab, provider: PuppetService) -> None:
    ask(page, "Count")
    call = provider.asked("Count")
    call.say(*spaced(FIRST))
    reads(page, FIRST)
    counting = page.url
    page.click("link", "New chat")
    page.sees_no("w19")
    ask(page, "Something else")
    provider.asked("Something else").finish("Yes.")
    page.sees("Yes.")
    call.say(*spaced(SECOND))
    page.open(counting)
    reads(page, FIRST + SECOND)
    call.finish(*spaced(LAST))
    reads(page, WORDS)


def test_a_double_click_on_send_sends_once(page: Tab, provider: PuppetService, server: Server) -> None:
    page.fill("textbox", "Message", "Count")
    page.click("button", "Send", count=2)
    provider.asked("Count").finish(*spaced(FIRST))
    reads(page, FIRST)
    page.find("button", "Write a new reply")

    assert len(provider.calls) == 1
    assert questions_in(server, chat_id_of(page)) == ["Count"]


def test_a_message_whose_answer_was_lost_is_asked_for_again_and_is_there_once(
    page: Tab, provider: PuppetService, server: Server, line: CuttableLine
) -> None:
    line.lose_answer_to(b"POST /chat ")
    ask(page, "Count")
    provider.asked("Count").finish(*spaced(FIRST))
    reads(page, FIRST)
    page.find("button", "Write a new reply")

    assert line.lost_answers == 1
    assert len(provider.calls) == 1
    assert questions_in(server, chat_id_of(page)) == ["Count"]


def test_a_message_that_waits_is_sent_once_also_when_two_tabs_find_it_after_a_reload(
    page: Tab, provider: PuppetService, server: Server, line: CuttableLine, profile: Profile
) -> None:
    with line.blocking(b"POST /chat "):
        ask(page, "Count")
        page.sees("Not sent yet.")
        page.reload()
        page.sees("Not sent yet.")
        other = profile.open_tab(page.url)
        other.sees("Not sent yet.")
    provider.asked("Count").finish(*spaced(FIRST))
    for each in (page, other):
        reads(each, FIRST)
        each.sees_no("Not sent yet.")
        each.find("button", "Write a new reply")

    assert len(provider.calls) == 1
    assert questions_in(server, chat_id_of(page)) == ["Count"]


def test_a_message_that_is_given_up_in_one_tab_is_sent_by_none(
    page: Tab, provider: PuppetService, line: CuttableLine, profile: Profile
) -> None:
    with line.blocking(b"POST /chat "):
        ask(page, "Count")
        page.sees("Not sent yet.")
        other = profile.open_tab(page.url)
        other.sees("Not sent yet.")
        page.click("button", "Give up")
        page.sees_no("Not sent yet.")
    other.sees_no("Not sent yet.")
    ask(other, "Something else")
    provider.asked("Something else").finish("Yes.")
    other.sees("Yes.")

    assert len(provider.calls) == 1


def test_a_message_is_kept_when_the_tab_is_closed_with_the_click_on_send(
    page: Tab, provider: PuppetService, line: CuttableLine, profile: Profile
) -> None:
    page.fill("textbox", "Message", "Count")
    with line.blocking(b"POST /chat "):
        page.find("button", "Send").call("function () { this.click(); setTimeout(() => window.close()); }")
        page.close()
    profile.open_tab(f"{line.url}/")
    provider.asked("Count")


def test_a_question_that_waits_for_its_turn_is_answered_also_after_a_reload(
    page: Tab, provider: PuppetService, server: Server
) -> None:
    ask(page, "Count")
    call = provider.asked("Count")
    call.say(*spaced(FIRST))
    reads(page, FIRST)
    ask(page, "And then?")
    page.sees("Waits until the reply before it is complete.")
    page.reload()
    page.sees("Waits until the reply before it is complete.")
    reads(page, FIRST)
    call.finish(*spaced(SECOND))
    provider.asked("And then?").finish(*spaced(LAST))
    reads(page, LAST)
    page.sees_no("Waits until")

    assert questions_in(server, chat_id_of(page)) == ["Count", "And then?"]


def test_a_message_that_comes_too_soon_waits_and_arrives(
    built_page: None, profile: Profile, provider: PuppetService, tmp_path: Path
) -> None:
    limits = {
        "CHATKEEP_RATE_LIMIT_ENABLED": "true",
        "CHATKEEP_RATE_LIMIT_REQUESTS": "20",
        "CHATKEEP_RATE_LIMIT_WINDOW_SECONDS": "8",
    }
    with serving(tmp_path / "limited", environment={**provider.environment, **limits}) as server:
        page = profile.open_tab(f"{server.base_url}/")
        page.find("textbox", "Message")
        while server.client.send("Filling", background=True).status_code != 429:
            pass
        ask(page, "Count")
        page.wait_for(lambda: any("429" in each.text for each in page.complaints), "a refusal")
        provider.asked("Count").finish(*spaced(FIRST))
        reads(page, FIRST)

        assert questions_in(server, chat_id_of(page)) == ["Count"]


def test_after_a_new_login_what_was_asked_meanwhile_is_sent(
    built_page: None, new_profile: Callable[[], Profile], provider: PuppetService, tmp_path: Path
) -> None:
    with serving(tmp_path / "keyed", start=False, environment=provider.environment) as server:
        key = server.add_key("alice")
        server.start()
        page = new_profile().open_tab(f"{server.base_url}/")
        log_in(page, key)
        page.find("textbox", "Message")
        ask(page, "Count")
        call = provider.asked("Count")
        call.say(*spaced(FIRST))
        reads(page, FIRST)
        page.fill("textbox", "Message", "And then?")
        page.evaluate("fetch('logout', { method: 'POST' }).then((answer) => answer.status)")
        page.press("Enter")
        log_in(page, key)
        page.sees("Waits until the reply before it is complete.")
        call.finish(*spaced(SECOND))
        provider.asked("And then?").finish(*spaced(LAST))
        reads(page, LAST)
        assert key not in page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")


def log_in(page: Tab, key: str) -> None:
    page.fill("textbox", "Key", key)
    page.click("button", "Log in")


def test_a_tab_that_is_hidden_lets_go_of_its_stream_and_catches_up(
    built_page: None, profile: Profile, provider: PuppetService, server: Server
) -> None:
    page = profile.open_tab()
    page.before_each_page(HURRY)
    page.open(f"{server.base_url}/")
    ask(page, "Count")
    call = provider.asked("Count")
    call.say(*spaced(FIRST))
    reads(page, FIRST)
    with page.hidden():
        page.wait_for(lambda: [url for url in page.failures if "/events" in url], "a stream that was let go")
        call.say(*spaced(SECOND))
        call.finish(*spaced(LAST))
        eventually(lambda: not server.client.http.get("/runs").json()["runs"])
    reads(page, WORDS)
    assert len([url for url in page.requests if "/events" in url]) == 2
