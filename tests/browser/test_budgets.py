"""What the page may cost: bytes of its first load, elements in its document, drawings. Its pace: bench/page.py."""

import json
import random
import re

import pytest

from tests.browser.chatting import WORDS, ask, reads, spaced
from tests.browser_kit.tab import Profile, Tab
from tests.puppet_service import PuppetService
from tests.server import Server

FIRST_LOAD_BYTES = 120_000
MESSAGES = 5000
MOST_ELEMENTS = 3000  # of which about 25 belong to a message
ELEMENTS = "document.getElementsByTagName('*').length"


def test_the_first_load_is_small_and_asks_no_other_host(
    built_page: None, profile: Profile, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    page = profile.open_tab(f"{server.base_url}/")
    page.find("textbox", "Message")
    page.until("document.readyState === 'complete'")
    with capsys.disabled():
        print(f"\nfirst load: {page.received_bytes} bytes in {len(page.requests)} requests")

    assert 20_000 < page.received_bytes < FIRST_LOAD_BYTES
    assert page.foreign_requests == []


def test_of_a_long_chat_only_what_is_seen_is_in_the_document_however_far_one_scrolls(page: Tab, server: Server) -> None:
    server.chat_file("long").write_text(json.dumps(long_chat()))
    page.open(f"{server.base_url}/#/chat/long")
    page.sees(f"This is message {MESSAGES - 1}.")
    most = page.evaluate(ELEMENTS)
    while not page.evaluate("document.body.innerText.includes('This is message 0.')"):
        page.scroll("log", "Messages", by=-30_000)
        most = max(most, page.evaluate(ELEMENTS))

    assert most < MOST_ELEMENTS
    assert shown_messages(page)[0] == 0
    page.find("log", "Messages").call("function () { this.focus(); }")
    page.press("End")
    page.sees(f"This is message {MESSAGES - 1}.")
    assert page.evaluate(ELEMENTS) < MOST_ELEMENTS
    assert page.complaints_but("network") == []


def shown_messages(page: Tab) -> list[int]:
    return [int(number) for number in re.findall(r"This is message (\d+)\.", page.text)]


def long_chat() -> object:
    moment = "2026-11-21T05:38:49.138401Z"
    messages = [
        {
            "id": f"msg_{number:030x}",
            "role": "assistant" if number % 2 else "user",
            "content": f"This is message {number}." + f"\n\n- one\n- *two* of {number}" * (number % 5),
            "timestamp": moment,
            **({"run_id": f"run_{number:030x}", "status": "complete"} if number % 2 else {}),
        }
        for number in range(MESSAGES)
    ]
    times = {"created_at": moment, "last_updated": moment}
    return {"format": 1, "chat_id": "long", "title": "Long", "revision": 1, **times, "messages": messages}


def test_tokens_that_come_faster_than_frames_are_drawn_many_at_a_time(page: Tab, provider: PuppetService) -> None:
    ask(page, "Count")
    call = provider.asked("Count")
    call.say("Begin. ")
    page.sees("Begin.")
    before = page.metrics["LayoutCount"]
    dice = random.Random(1)  # what repeats itself is stopped
    call.say(*(f"{dice.randrange(16**6):06x} " for _ in range(2000)))
    call.finish(*spaced(WORDS))
    reads(page, WORDS)

    assert page.metrics["LayoutCount"] - before < 1000
