"""A chat in the page: asking, being answered, and all that can be done with what stands there."""

import base64
import json
import re
import struct
import zlib
from pathlib import Path

import pytest

from tests.browser_kit.axe import violations_of
from tests.browser_kit.tab import Tab
from tests.cuttable_line import line_to
from tests.puppet_service import PuppetService, ServiceCall
from tests.server import Server, eventually, serving

CHAT = re.compile(r"#/chat/([\w-]+)$")


def ask(page: Tab, provider: PuppetService, question: str) -> ServiceCall:
    """Send a question; the call that it makes."""
    page.fill("textbox", "Message", question)
    page.press("Enter")
    return provider.asked(question)


def answered(page: Tab, provider: PuppetService, question: str, reply: str) -> None:
    """Send a question and have it answered, to the end."""
    ask(page, provider, question).finish(reply)
    page.sees(reply)
    page.find("button", "Write a new reply")


def chat_id(page: Tab) -> str:
    found = CHAT.search(page.url)
    assert found is not None, page.url
    return found[1]


def picture(path: Path, side: int = 8, *, is_noise: bool = False) -> Path:
    """A PNG that is red, or that no compression makes smaller."""
    seed = b"noise"
    rows = []
    for row in range(side):
        pixels = b"\xff\x00\x00" * side
        if is_noise:
            seed = zlib.compress(seed + bytes([row % 256]))[-8:]
            pixels = bytes((seed[at % 8] * (at + 1) * (row + 7)) >> 3 & 255 for at in range(3 * side))
        rows.append(b"\x00" + pixels)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(rows))) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    return path


def test_the_first_message_gives_the_page_its_address_and_keeps_what_is_shown(
    page: Tab, provider: PuppetService
) -> None:
    call = ask(page, provider, "Hello?")
    page.evaluate("window.composer = document.querySelector('textarea')")
    call.finish("Hello!")
    page.sees("Hello!")

    assert CHAT.search(page.url)
    assert page.evaluate("window.composer.isConnected")
    page.until("document.title === 'Hello? \u2013 chatkeep'")
    page.reload()
    page.sees("Hello!")


def test_a_reply_stays_the_same_nodes_from_its_first_word_to_the_disk(page: Tab, provider: PuppetService) -> None:
    call = ask(page, provider, "Write")
    call.say("One **bold** word ")
    page.sees("bold")
    page.evaluate("window.reply = document.querySelector('.markdown strong')")
    page.evaluate("window.question = [...document.querySelectorAll('article')].at(-2)")
    call.finish("and more.")
    page.find("button", "Write a new reply")

    assert page.evaluate("window.reply.isConnected && window.question.isConnected")
    assert page.evaluate("document.querySelectorAll('article').length") == 2


def test_what_was_typed_is_shown_as_text_and_not_as_markdown(page: Tab, provider: PuppetService) -> None:
    page.fill("textbox", "Message", "**two**\nlines <b>here</b>")
    page.press("Enter")
    provider.call(0).finish("ok")
    page.sees("**two**\nlines <b>here</b>")


def test_a_very_long_message_shows_its_beginning_and_all_of_it_on_a_click(page: Tab, provider: PuppetService) -> None:
    answered(page, provider, "\n".join(f"line {number}." for number in range(300)), "Read.")
    assert "line 39." in page.text
    assert "line 40." not in page.text
    page.click("button", "Show all")
    page.sees("line 299.")


def test_enter_sends_and_shift_enter_breaks_the_line(page: Tab, provider: PuppetService) -> None:
    page.fill("textbox", "Message", "one")
    page.press("Shift+Enter")
    page.type("two")
    page.press("Enter")
    assert provider.call(0).question == "one\ntwo"


def test_two_presses_of_enter_and_a_double_click_send_once(page: Tab, provider: PuppetService) -> None:
    page.fill("textbox", "Message", "only once")
    page.press("Enter", "Enter")
    provider.asked("only once").finish("first")
    page.sees("first")
    page.fill("textbox", "Message", "once more")
    page.click("button", "Send", count=2)
    provider.asked("once more").finish("second")
    page.sees("second")

    assert len(provider.calls) == 2


def test_stopping_shows_the_receipt_and_the_reply_can_go_on(page: Tab, provider: PuppetService) -> None:
    call = ask(page, provider, "Count")
    call.say("one ", "two ")
    page.sees("one two")
    page.click("button", "Stop")
    page.sees("Stopped after")
    page.sees("The connection to the provider is closed.")
    eventually(lambda: call.is_closed)

    page.click("button", "Continue")
    provider.call(1).finish("three")
    page.sees("one two three")
    page.sees_no("Stopped after")
    assert page.evaluate("document.querySelectorAll('article').length") == 2


def test_a_reply_made_anew_is_a_version_beside_the_old_one(page: Tab, provider: PuppetService) -> None:
    answered(page, provider, "Name a colour", "Red.")
    page.click("button", "Write a new reply")
    page.sees_no("Red.")
    provider.call(1).finish("Blue.")
    page.sees("2 of 2")
    page.click("button", "Previous version")
    page.sees("Red.")
    page.sees("1 of 2")
    page.click("button", "Next version")
    page.sees("Blue.")


def test_an_edited_message_is_asked_beside_the_old_one_and_escape_changes_nothing(
    page: Tab, provider: PuppetService
) -> None:
    answered(page, provider, "Name a fruti", "What is a fruti?")
    page.click("button", "Edit")
    page.fill("textbox", "Edit message", "never")
    page.press("Escape")
    page.sees("Name a fruti")
    page.click("button", "Edit")
    page.fill("textbox", "Edit message", "Name a fruit")
    page.click("button", "Save and send")
    page.sees_no("What is a fruti?")
    page.sees("Name a fruit")
    provider.asked("Name a fruit").finish("Apple.")
    page.sees("Apple.")
    page.sees("2 of 2")
    page.click("button", "Previous version")
    page.sees("What is a fruti?")


def test_copying_gives_the_markdown_of_a_reply(page: Tab, provider: PuppetService) -> None:
    call = ask(page, provider, "Something bold")
    call.finish("Some **bold** text")
    page.sees("Some bold text")
    page.click("button", "Copy reply")
    page.sees("Copied.")
    assert page.clipboard == "Some **bold** text"


def test_reasoning_is_open_while_there_is_nothing_else_and_folded_after(page: Tab, provider: PuppetService) -> None:
    call = ask(page, provider, "Think")
    call.think("I weigh it up.")
    page.sees("I weigh it up.")
    call.finish("Done.")
    page.sees("Done.")
    page.sees_no("I weigh it up.")
    page.evaluate("document.querySelector('article summary').click()")
    page.sees("I weigh it up.")
    page.reload()
    page.sees("Reasoning")


def test_a_call_of_a_tool_is_shown_with_its_arguments(page: Tab, provider: PuppetService) -> None:
    call = ask(page, provider, "Weather?")
    call.say("Let me look.")
    call.use_tool("weather", '{"city":"Bonn"}')
    call.finish(reason="tool_calls")
    page.sees("Call of weather")
    page.evaluate("document.querySelector('article summary').click()")
    page.sees('"city": "Bonn"')


def test_a_reply_that_breaks_off_keeps_its_text_and_says_why_and_can_be_retried(
    page: Tab, provider: PuppetService
) -> None:
    call = ask(page, provider, "Try")
    call.say("Half of ")
    call.fail("the GPU melted")
    page.sees("The provider failed. What was written until then is kept.")
    page.sees("the GPU melted")
    page.sees("Half of")
    page.click("button", "Retry")
    provider.call(1).finish("All of it.")
    page.sees("All of it.")
    page.sees_no("The provider failed.")


def test_a_reply_that_reached_its_length_can_be_continued(page: Tab, provider: PuppetService) -> None:
    ask(page, provider, "Long").finish("A long ", reason="length")
    page.sees("The reply reached its largest length.")
    page.click("button", "Continue")
    provider.call(1).finish("story.")
    page.sees("A long story.")
    page.sees_no("The reply reached its largest length.")


def test_a_second_question_waits_and_is_answered_after_the_first(page: Tab, provider: PuppetService) -> None:
    first = ask(page, provider, "First")
    first.say("Begun")
    page.sees("Begun")
    page.fill("textbox", "Message", "Second")
    page.press("Enter")
    page.sees("Waits until the reply before it is complete.")
    first.finish(" and done.")
    provider.asked("Second").finish("Mine.")
    page.sees("Mine.")
    page.sees_no("Waits until")


def test_a_refused_message_says_why_and_comes_back_into_the_draft(
    tab: Tab, built_page: None, provider: PuppetService, tmp_path: Path
) -> None:
    environment = {**provider.environment, "CHATKEEP_MAX_BODY_BYTES": "2048"}
    with serving(tmp_path / "chats", environment=environment) as server:
        tab.open(server.base_url)
        tab.fill("textbox", "Message", "x" * 4000)
        tab.press("Enter")
        tab.sees("Not sent. The message is too large for the server.")
        tab.click("button", "Back to the draft")
        tab.sees_no("Not sent.")
        tab.until("document.querySelector('textarea')?.value === 'x'.repeat(4000)")
    assert provider.calls == []


def test_drafts_are_kept_for_each_chat_across_reloads(page: Tab, provider: PuppetService, server: Server) -> None:
    answered(page, provider, "One", "Answer.")
    page.fill("textbox", "Message", "not sent yet")
    page.open(f"{server.base_url}/#/")
    page.sees("What is on your mind?")
    page.fill("textbox", "Message", "another one")
    page.reload()
    page.until("document.querySelector('textarea')?.value === 'another one'")
    page.evaluate("history.back()")
    page.until("document.querySelector('textarea')?.value === 'not sent yet'")


def test_the_draft_of_a_new_chat_is_still_there_after_a_look_into_another_chat(
    page: Tab, provider: PuppetService
) -> None:
    answered(page, provider, "One", "Answer.")
    page.click("link", "New chat")
    page.sees("What is on your mind?")
    page.fill("textbox", "Message", "half a thought")
    page.click("link", "One")
    page.sees("Answer.")
    page.click("link", "New chat")
    page.sees("What is on your mind?")
    assert page.find("textbox", "Message").text == "half a thought"


def test_a_pasted_and_a_dropped_image_go_with_the_message(page: Tab, provider: PuppetService, tmp_path: Path) -> None:
    page.click("textbox", "Message")
    page.paste_image(picture(tmp_path / "red.png"))
    page.drop("textbox", "Message", picture(tmp_path / "large.png", 900, is_noise=True))
    page.find("button", "Remove image 2")
    page.type("What is this?")
    page.press("Enter")
    content = provider.call(0).question
    provider.call(0).finish("A red square.")
    page.sees("A red square.")

    assert [part["type"] for part in content] == ["text", "image_url", "image_url"]
    assert content[1]["image_url"]["url"].startswith("data:image/png;base64,")
    assert len(json.dumps(content)) < 900_000
    assert base64.b64decode(content[2]["image_url"]["url"].split(",")[1])
    page.click("button", "Image 1")
    page.find("dialog", "Image 1")


def test_a_file_that_is_no_image_is_refused_with_a_word(page: Tab, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("text")
    page.drop("textbox", "Message", tmp_path / "notes.txt")
    page.sees("Only PNG, JPEG, WebP and GIF images can be sent.")


def test_a_chat_gets_the_id_that_was_chosen(page: Tab, provider: PuppetService, server: Server) -> None:
    page.fill("textbox", "Message", "kept draft")
    page.evaluate("document.querySelector('main summary').click()")
    page.fill("textbox", "Choose the chat's id", "no spaces")
    page.press("Enter")
    page.find("alert")
    page.fill("textbox", "Choose the chat's id", "my-chat")
    page.press("Enter")
    page.sees("No chat is called my-chat yet.")
    assert page.find("textbox", "Message").text == "kept draft"
    page.click("button", "Send")
    provider.asked("kept draft").finish("Noted.")
    page.sees("Noted.")
    assert "my-chat" in server.client.chats()


def test_who_goes_on_to_the_message_gets_the_id_that_stands_there(page: Tab) -> None:
    page.find("textbox", "Message")
    page.evaluate("document.querySelector('details:has(#custom-id-hint)').open = true")
    page.fill("textbox", "Choose the chat's id", "typed-id")
    page.click("textbox", "Message")

    page.until("location.hash === '#/chat/typed-id'")


def test_an_example_fills_the_field_and_sends_nothing(page: Tab, provider: PuppetService) -> None:
    page.click("button", re.compile("^Explain how tides work"))
    page.until("document.activeElement.value?.startsWith('Explain how tides work')")
    assert provider.calls == []


def test_a_new_chat_is_forked_from_a_message(page: Tab, provider: PuppetService, server: Server) -> None:
    answered(page, provider, "One", "First answer.")
    answered(page, provider, "Two", "Second answer.")
    before = chat_id(page)
    page.find("button", "New chat from here").call("function () { this.scrollIntoView(); }")
    page.click("button", "New chat from here")
    page.until(f"!location.hash.endsWith({json.dumps(before)})")
    page.sees_no("First answer.")
    page.sees("One")
    assert len(server.client.chats()) == 2


def test_a_title_is_changed_where_it_stands(page: Tab, provider: PuppetService) -> None:
    answered(page, provider, "Old title", "Answer.")
    page.click("button", "Old title")
    page.until("document.activeElement.value === 'Old title'")
    page.press("Control+A")
    page.type("New title")
    page.press("Enter")
    page.find("button", "New title")
    page.until("document.title === 'New title \u2013 chatkeep'")


def test_a_chat_that_cannot_be_read_says_so_and_can_be_tried_again(
    page: Tab, provider: PuppetService, server: Server
) -> None:
    path = server.folder / "broken.json"
    path.write_text("{")
    page.open(f"{server.base_url}/#/chat/broken")
    page.sees("This chat cannot be shown")
    page.sees("The chat's file cannot be read.")
    path.unlink()
    page.click("button", "Try again")
    page.sees("What is on your mind?")


def test_the_tab_tells_of_a_reply_that_ended_while_it_was_hidden(page: Tab, provider: PuppetService) -> None:
    call = ask(page, provider, "Title")
    call.say("Begun")
    page.sees("Begun")
    with page.hidden():
        page.until("document.title.startsWith('… ')")
        call.finish(".")
        page.until("document.title.startsWith('✓ ')")
    page.until("document.title === 'Title \u2013 chatkeep'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_in_a_chat_keeps_anybody_out(page: Tab, provider: PuppetService, scheme: str) -> None:
    page.prefer(prefers_color_scheme=scheme)
    assert violations_of(page) == []
    call = ask(page, provider, "Everything")
    call.think("Well")
    call.say("Some text")
    call.use_tool("weather", "{}")
    page.sees("Some text")
    assert violations_of(page) == []
    call.fail()
    page.sees("The provider failed.")
    page.click("button", "Edit")
    page.find("textbox", "Edit message")
    assert violations_of(page) == []


def test_a_provider_that_does_not_answer_is_told_of_while_it_is_asked_again(
    tab: Tab, built_page: None, provider: PuppetService, tmp_path: Path
) -> None:
    environment = {**provider.environment, "CHATKEEP_RETRIES": "3", "CHATKEEP_RETRY_WAIT_S": "30"}
    with serving(tmp_path / "chats", environment=environment) as server:
        tab.open(server.base_url)
        tab.find("textbox", "Message")
        provider.status = 503
        ask(tab, provider, "Are you there?")
        tab.sees("puppet did not answer; asking it again in")
        provider.status = 200
        eventually(lambda: len(provider.calls) > 1)
        eventually(lambda: not provider.calls[-1].is_closed)
        provider.calls[-1].finish("I am.")
        tab.sees("I am.")
        tab.sees_no("did not answer")


def test_images_are_refused_where_the_model_is_known_to_see_none(tab: Tab, built_page: None, tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server:
        tab.open(server.base_url)
        tab.until(
            "performance.getEntriesByType('resource').some("
            "({ name, responseEnd }) => name.endsWith('/api/llm/models') && responseEnd > 0)"
        )
        tab.click("textbox", "Message")
        tab.paste_image(picture(tmp_path / "red.png"))
        tab.sees("echo/echo takes no images. Choose a model that does.")
        assert not tab.has("button", "Remove image 1")


def test_what_is_shown_stays_while_the_line_is_down_and_the_reply_goes_on_after(
    tab: Tab, built_page: None, provider: PuppetService, server: Server
) -> None:
    with line_to(server.base_url) as line:
        tab.open(line.url)
        tab.find("textbox", "Message")
        call = ask(tab, provider, "Long")
        call.say("Before ")
        tab.sees("Before")
        with tab.offline():
            line.cut()
            tab.sees("Connection lost. The reply goes on at the server; reconnecting")
            call.say("meanwhile ")
            assert "Before" in tab.text
        tab.sees("Before meanwhile")
        tab.sees_no("Connection lost. The reply")
        call.finish("after.")
        tab.sees("Before meanwhile after.")


def test_a_message_that_is_not_sent_yet_can_be_given_up(page: Tab, provider: PuppetService) -> None:
    answered(page, provider, "One", "Answer.")
    with page.offline():
        page.fill("textbox", "Message", "Never mind")
        page.press("Enter")
        page.click("button", "Give up")
        page.sees_no("Never mind")
    answered(page, provider, "Two", "Second answer.")
    assert [call.question for call in provider.calls] == ["One", "Two"]
