"""How the list of messages scrolls: long chats, replies that grow, and the way to one message."""

import json

import pytest

from tests.browser_kit.tab import Tab
from tests.puppet_service import PuppetService
from tests.server import Server

LONG = "\n\n".join(f"Paragraph {number} of a reply that is longer than the window." for number in range(40))
SCROLLER = "document.querySelector('[role=log]')"
IS_AT_END = f"(() => {{ const s = {SCROLLER}; return s && s.scrollHeight - s.scrollTop - s.clientHeight < 2; }})()"
TOPS = f"""(() => {{
  const top = {SCROLLER}.getBoundingClientRect().top;
  const topOf = (each) => Math.round(each.getBoundingClientRect().top - top);
  return [...document.querySelectorAll('article')].map((each) => [each.dataset.key, topOf(each)]);
}})()"""
IS_STILL = f"""(async () => {{
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const place = () => JSON.stringify([{SCROLLER}.scrollTop, {TOPS}]);
  const before = place();
  for (let count = 0; count < 20; count += 1) await frame();
  return place() === before;
}})()"""
HOLDS_OLDER = """
const fetchNow = window.fetch;
const released = new Promise((resolve) => { window.release = resolve; });
window.fetch = async (request, options) => {
  if (request.url?.includes("before=")) await released;
  return fetchNow(request, options);
};
"""


def fill_chat(server: Server, chat_id: str, count: int) -> None:
    """Put a chat of that many messages there; message `n` says `message n`, replies at some length."""
    messages = [
        {
            "id": f"msg_{number}",
            "role": "assistant" if number % 2 else "user",
            "content": f"message {number}" + (" and more of it" * (number % 10) if number % 2 else ""),
        }
        for number in range(count)
    ]
    stamp = "2026-01-02T03:04:05.000006Z"
    chat = {"format": 1, "chat_id": chat_id, "title": "long", "revision": 1, "created_at": stamp, "last_updated": stamp}
    imported = server.client.http.post(
        f"/chat/import?chat_id={chat_id}", content=json.dumps({**chat, "messages": messages})
    )
    assert imported.json()["imported"] == [chat_id], imported.text


def read_all_older(page: Tab) -> None:
    """Scroll up until the first message is there."""
    page.until(
        f"(() => {{ const s = {SCROLLER}; s.scrollTop = 0; "
        "return document.querySelector('article')?.innerText.trim().endsWith('message 0'); })()"
    )


def test_a_chat_of_5000_messages_opens_at_its_end_and_has_few_of_them_in_the_page(page: Tab, server: Server) -> None:
    fill_chat(server, "long", 5000)
    page.open(f"{server.base_url}/#/chat/long")
    page.sees("message 4999")
    page.until(IS_AT_END)
    read_all_older(page)
    page.sees("message 0")
    assert page.evaluate("document.querySelectorAll('article').length") < 60
    assert page.evaluate("document.querySelectorAll('*').length") < 3000


def test_older_messages_that_come_leave_what_is_read_in_its_place(tab: Tab, built_page: None, server: Server) -> None:
    fill_chat(server, "long", 400)
    tab.before_each_page(HOLDS_OLDER)
    tab.open(f"{server.base_url}/#/chat/long")
    tab.find("log", "Messages")
    tab.sees("message 399")
    tab.until(IS_AT_END)
    tab.evaluate(f"{SCROLLER}.scrollTop = 700")
    tab.sees("Older messages are being loaded")
    tab.until(IS_STILL)
    before, height = tab.evaluate(TOPS), tab.evaluate(f"{SCROLLER}.scrollHeight")
    tab.evaluate("window.release()")
    tab.sees_no("Older messages are being loaded")
    tab.until(f"{SCROLLER}.scrollHeight > {height} + 3000")
    tab.until(IS_STILL)
    after = dict(tab.evaluate(TOPS))
    assert {key: after.get(key) for key, top in before if 0 < top < 500} == {
        key: top for key, top in before if 0 < top < 500
    }


def test_the_view_follows_a_reply_while_the_reader_is_at_its_end(page: Tab, provider: PuppetService) -> None:
    page.fill("textbox", "Message", "Write a lot")
    page.press("Enter")
    call = provider.asked("Write a lot")
    call.say(LONG)
    page.sees("Paragraph 39")
    page.until(IS_AT_END)
    call.say("\n\nThe very last line")
    page.sees("The very last line")
    page.until(IS_AT_END)
    call.finish()
    page.find("button", "Write a new reply")
    page.until(IS_AT_END)


def test_messages_can_be_clicked_while_the_view_follows_a_reply(page: Tab, provider: PuppetService) -> None:
    page.fill("textbox", "Message", "Write a lot")
    page.press("Enter")
    call = provider.asked("Write a lot")
    call.say(LONG)
    page.sees("Paragraph 39")
    page.until(IS_AT_END)
    page.evaluate(
        f"""(() => {{
          {SCROLLER}.addEventListener("scroll", () => {{
            window.took = getComputedStyle(document.querySelector("article")).pointerEvents;
          }});
        }})()"""
    )
    call.say("\n\nThe very last line")
    assert page.until("window.took") == "auto"


def test_a_reader_who_has_scrolled_up_stays_where_he_is_while_a_reply_is_written(
    page: Tab, provider: PuppetService
) -> None:
    page.fill("textbox", "Message", "Write a lot")
    page.press("Enter")
    call = provider.asked("Write a lot")
    call.say(LONG)
    page.sees("Paragraph 39")
    page.until(IS_AT_END)
    page.scroll("log", "Messages", by=-400)
    page.find("button", "To the newest message")
    page.until(IS_STILL)
    before = page.evaluate(TOPS)
    call.say("\n\n", LONG)
    page.find("button", "To the newest message, there is more")
    assert page.evaluate(TOPS) == before
    call.finish()
    page.is_gone("button", "Stop")
    assert page.evaluate(TOPS) == before
    page.click("button", "To the newest message, there is more")
    page.until(IS_AT_END)
    page.is_gone("button", "To the newest message, there is more")


@pytest.mark.parametrize("number", [4, 1234, 2999])
def test_the_address_of_a_message_leads_to_it_wherever_it_stands(page: Tab, server: Server, number: int) -> None:
    fill_chat(server, "long", 3000)
    page.open(f"{server.base_url}/#/chat/long/msg_{number}")
    page.until(f"document.activeElement?.innerText?.includes('message {number}')")
    page.until(IS_STILL)
    top, height = page.evaluate(
        f"[document.activeElement.getBoundingClientRect().top - {SCROLLER}.getBoundingClientRect().top,"
        f" {SCROLLER}.clientHeight]"
    )
    assert -1 <= top < height


def test_an_edit_that_is_begun_is_there_after_scrolling_far_away(page: Tab, server: Server) -> None:
    fill_chat(server, "long", 90)
    page.open(f"{server.base_url}/#/chat/long/msg_40")
    page.until("document.activeElement?.innerText?.includes('message 40')")
    page.evaluate("document.activeElement.querySelector('[aria-label=Edit]').click()")
    page.fill("textbox", "Edit message", "not sent yet")
    page.evaluate(f"{SCROLLER}.scrollTop = 1e9")
    page.sees("message 89")
    page.evaluate(f"{SCROLLER}.scrollTop = 0")
    page.sees("message 0")
    assert page.find("textbox", "Edit message").text == "not sent yet"
