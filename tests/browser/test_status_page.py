"""Who answers, how it is asked, and the figures: the picker, a chat's settings, numbers of replies, the status page."""

import re

import pytest

from tests.browser.conftest import Stage
from tests.browser_kit.axe import violations_of
from tests.browser_kit.tab import PHONE, Tab
from tests.puppet_service import PuppetService, ServiceCall
from tests.server import Server

PICKER = re.compile("^Model: ")


@pytest.fixture
def tidy(own: Stage) -> Stage:
    """A server for each test: what is looked at here is what the server knows of its providers."""
    return own


def ask(page: Tab, provider: PuppetService, question: str) -> ServiceCall:
    """Ask in the chat that is open; the call that comes of it."""
    page.fill("textbox", "Message", question)
    page.press("Enter")
    return provider.asked(question)


def be_answered(page: Tab, provider: PuppetService, question: str) -> None:
    """Ask, and wait until the reply is stored."""
    ask(page, provider, question).finish(f"Reply to {question}")
    page.sees(f"Reply to {question}")
    page.is_gone("button", "Stop")


def begin_new_chat(page: Tab) -> None:
    page.evaluate("location.hash = '#/'")
    page.sees("What is on your mind?")


def open_status(page: Tab) -> None:
    page.evaluate("location.hash = '#/status'")
    page.find("heading", "Status")


def has_drawn(page: Tab) -> bool:
    """Whether each canvas has something on it."""
    drawn: bool = page.evaluate(
        "(() => { const all = [...document.querySelectorAll('canvas')]; return all.length === 4 && all.every((each) =>"
        " each.getContext('2d').getImageData(0, 0, each.width, each.height).data.some((value) => value > 0)); })()"
    )
    return drawn


class TestPicker:
    def test_a_model_is_chosen_by_keyboard_and_asked_from_then_on_also_after_a_reload_and_in_new_chats(
        self, page: Tab, provider: PuppetService
    ) -> None:
        provider.models = ["wood", "birch", "oak"]
        page.click("button", PICKER)
        page.click("button", "Check now")
        page.find("option", "oak")
        page.press("Escape")
        page.is_gone("combobox", "Search models")
        assert page.evaluate("document.activeElement.ariaLabel") == "Model: Default: puppet/wood"

        page.press("Enter")
        page.until("document.activeElement.getAttribute('role') === 'combobox'")
        page.press("ArrowDown", "ArrowDown")
        active = "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))?.textContent"
        page.until(f"{active} === 'birch'")
        page.type("oak")
        page.until(f"{active} === 'oak'")
        page.press("Enter")
        page.find("button", "Model: puppet/oak")
        call = ask(page, provider, "Who are you?")
        assert call.request["model"] == "oak"
        call.finish("An oak.")
        page.sees("An oak.")

        page.reload()
        page.find("button", "Model: puppet/oak")
        begin_new_chat(page)
        page.find("button", "Model: puppet/oak")

    def test_a_provider_that_does_not_answer_says_why_and_can_be_chosen_with_a_warning(
        self, page: Tab, server: Server, provider: PuppetService
    ) -> None:
        provider.status = 500
        server.client.send("Hello?")
        page.click("button", "Model: Default: puppet/wood unhealthy")
        page.find("option", "wood")
        page.sees("overheated")
        page.click("option", "wood")
        page.sees("puppet does not answer at present. A message for it may fail.")
        page.find("button", "Model: puppet/wood unhealthy")

    def test_a_search_without_a_hit_says_so(self, page: Tab) -> None:
        page.click("button", PICKER)
        page.fill("combobox", "Search models", "steel")
        page.sees("No model has all of these words in its name.")
        page.press("Enter")
        assert page.has("combobox", "Search models")


class TestSettings:
    def test_what_is_set_for_a_new_chat_outlives_a_reload_and_reaches_the_provider(
        self, page: Tab, provider: PuppetService
    ) -> None:
        page.click("button", "Chat settings")
        page.fill("textbox", "System prompt", "Answer in verse.")
        page.reload()
        page.click("button", "Chat settings")
        assert page.find("textbox", "System prompt").text == "Answer in verse."
        page.click("checkbox", "The model's own")
        page.fill("textbox", "Temperature", "0,4")
        page.fill("textbox", "Longest reply, in tokens", "77")
        page.press("Escape")
        call = ask(page, provider, "How are you?")
        assert call.request["messages"][0] == {"role": "system", "content": "Answer in verse."}
        assert call.request["temperature"] == 0.4
        assert 77 in (call.request.get("max_tokens"), call.request.get("max_completion_tokens"))
        call.finish("Fine.")

        begin_new_chat(page)
        page.click("button", "Chat settings")
        assert page.find("textbox", "System prompt").text == ""

    def test_a_number_out_of_bounds_is_said_and_not_taken(self, page: Tab, provider: PuppetService) -> None:
        page.click("button", "Chat settings")
        page.fill("textbox", "Longest reply, in tokens", "many")
        page.sees("A number from 1 to 1,000,000.")
        page.press("Escape")
        call = ask(page, provider, "How are you?")
        assert "max_tokens" not in call.request
        call.finish()

    def test_a_chat_gets_another_system_prompt_which_its_next_turn_tells(
        self, page: Tab, provider: PuppetService
    ) -> None:
        be_answered(page, provider, "One?")
        page.click("button", "Chat settings")
        page.fill("textbox", "System prompt", "Be brief.")
        page.click("button", "Save")
        page.sees("The system prompt is saved.")
        page.press("Escape")
        call = ask(page, provider, "Two?")
        assert call.request["messages"][0] == {"role": "system", "content": "Be brief."}
        call.finish("2")

    def test_a_system_prompt_that_was_changed_elsewhere_is_shown_before_it_is_replaced(
        self, page: Tab, server: Server, provider: PuppetService
    ) -> None:
        be_answered(page, provider, "One?")
        (chat_id,) = server.client.chats()
        page.click("button", "Chat settings")
        page.fill("textbox", "System prompt", "Mine.")
        server.client.http.patch(f"/chat/system-prompt/{chat_id}", json={"system_prompt": "Theirs."}).raise_for_status()
        page.sees("It was changed elsewhere in the meantime")
        page.sees("Theirs.")
        assert page.find("textbox", "System prompt").text == "Mine."
        page.click("button", "Save")
        page.sees("The system prompt is saved.")
        assert server.client.history(chat_id)["history"]["system_prompt"] == "Mine."


class TestNumbers:
    def test_figures_are_shown_while_a_reply_is_written_and_folded_when_it_is_there(
        self, page: Tab, provider: PuppetService
    ) -> None:
        call = ask(page, provider, "Count.")
        call.say("one ", "two ", "three")
        page.until("/3 tokens · .* tokens\\/s · first after/s.test(document.body.innerText.replace(/\\n/g, ' · '))")
        call.finish()
        page.is_gone("button", "Stop")
        page.until("document.querySelector('main details summary')?.innerText.includes('3 tokens')")
        page.evaluate("document.querySelector('main details summary').click()")
        page.sees("puppet/wood")
        page.sees("Ended by")


class TestStatusView:
    def test_a_provider_that_fails_is_shown_with_its_reason_without_a_reload(
        self, page: Tab, server: Server, provider: PuppetService
    ) -> None:
        open_status(page)
        page.sees("puppet\ndefault\nhealthy")
        provider.status = 500
        server.client.send("Hello?")
        page.sees("overheated")
        for _ in range(2):
            server.client.send("Hello?")
        page.sees("Tried again at")
        assert page.complaints == []

    def test_a_run_is_shown_while_it_goes_on_with_the_way_to_its_chat_and_can_be_stopped(
        self, page: Tab, server: Server, provider: PuppetService
    ) -> None:
        open_status(page)
        page.sees("No reply is being written.")
        server.client.begin("Tell me all.", "from-afar")
        provider.asked("Tell me all.").say("Well, ", "it ")
        link = page.find("link", re.compile("from-afar|Tell me all"))
        assert link.call("function () { return this.getAttribute('href'); }") == "#/chat/from-afar"
        page.sees("2 tokens")
        page.click("button", re.compile("^Stop "))
        page.sees("No reply is being written.")
        assert server.stored_messages("from-afar")[-1]["status"] == "stopped"

    def test_replies_are_drawn_and_told_as_tables_whoever_asked_and_still_after_a_reload(
        self, page: Tab, server: Server, provider: PuppetService
    ) -> None:
        open_status(page)
        page.sees("Nothing has been answered yet.")
        server.client.begin("Hello?")
        provider.asked("Hello?").finish("one ", "two")
        page.find("figure", "Errors per minute")
        page.until("document.querySelectorAll('canvas').length === 4")
        assert has_drawn(page)
        page.reload()
        page.find("heading", "Since this page was opened")
        page.evaluate("[...document.querySelectorAll('summary')].find((each) => /tables/.test(each.innerText)).click()")
        page.find("cell", "replied")
        assert page.has("rowheader", "puppet")
        assert page.complaints_but("network") == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nobody_is_kept_out_by_the_picker_the_settings_or_the_status_page(
    page: Tab, provider: PuppetService, theme: str
) -> None:
    page.prefer(prefers_color_scheme=theme)
    be_answered(page, provider, "One?")
    assert violations_of(page) == []
    page.click("button", PICKER)
    page.find("option", "wood")
    assert violations_of(page) == []
    page.press("Escape")
    page.click("button", "Chat settings")
    page.click("checkbox", "The model's own")
    page.find("slider", "Temperature")
    assert violations_of(page) == []
    page.press("Escape")
    open_status(page)
    page.until("document.querySelectorAll('canvas').length === 4")
    page.evaluate("document.querySelectorAll('main details').forEach((each) => { each.open = true; })")
    page.find("cell", "replied")
    assert violations_of(page) == []


def test_on_a_phone_the_picker_is_as_wide_as_the_screen_and_the_status_page_fits(page: Tab) -> None:
    page.resize(*PHONE, is_phone=True)
    page.click("button", PICKER)
    page.find("option", "wood")
    assert page.evaluate("document.querySelector('[popover]:popover-open').getBoundingClientRect().width") == PHONE[0]
    page.click("option", "wood")
    page.find("button", "Model: puppet/wood")
    open_status(page)
    assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
