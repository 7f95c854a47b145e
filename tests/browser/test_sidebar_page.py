"""The list of chats beside the open one, the search over all messages, and the trash, as people use them."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from chatkeep.chat.model import timestamp
from tests.browser_kit.axe import violations_of
from tests.browser_kit.tab import PHONE, Profile, Tab
from tests.puppet_service import PuppetService
from tests.server import Server, eventually, serving

MANY = 5000
EVIL = (
    '<img src=x onerror="window.isHurt=1"><svg onload=window.isHurt=1></svg>\'"</title><script>window.isHurt=1</script>'
)

# The box that scrolls in the sidebar, and the rows in it that can be seen, from the top.
BOX = "document.querySelector('nav[aria-label=Chats] ul').parentElement"
SEEN = f"""(() => {{
  const {{ top, bottom }} = {BOX}.getBoundingClientRect();
  return [...{BOX}.querySelectorAll('a[data-chat]')]
    .map((link) => [link.getBoundingClientRect().top - top, link.dataset.chat])
    .filter(([y]) => y >= 0 && y < bottom - top)
    .sort(([one], [other]) => one - other);
}})()"""


def write_chat(folder: Path, chat_id: str, title: str, age_s: float, *texts: str) -> None:
    """A chat's file, last changed that long ago."""
    at = timestamp(datetime.now(UTC) - timedelta(seconds=age_s))
    roles = ("user", "assistant")
    messages = [
        {"id": f"msg_{chat_id}_{place}", "role": roles[place % 2], "content": text, "timestamp": at}
        for place, text in enumerate(texts or ("Hello", "Hi"))
    ]
    chat = {"format": 1, "chat_id": chat_id, "title": title, "revision": 1, "created_at": at, "last_updated": at}
    folder.mkdir(exist_ok=True)
    path = folder / f"{chat_id}.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps({**chat, "messages": messages}))


@pytest.fixture
def stored(tmp_path: Path, provider: PuppetService) -> Iterator[Server]:
    """A server that is started by the test when its chats are written."""
    with serving(tmp_path / "stored" / "chats", start=False, environment=provider.environment) as running:
        running.folder.parent.mkdir()
        yield running


@pytest.fixture
def folder(stored: Server) -> Path:
    return stored.folder


def opened(profile: Profile, server: Server, path: str = "") -> Tab:
    if not server.is_running:
        server.start()
    return profile.open_tab(f"{server.base_url}/{path}")


def titles(tab: Tab) -> list[str]:
    """The chats that are listed, in order."""
    listed: list[str] = tab.evaluate(
        f"[...{BOX}.querySelectorAll('a[data-chat]')].sort((one, other) => "
        "one.getBoundingClientRect().top - other.getBoundingClientRect().top).map((link) => link.title)"
    )
    return listed


def row(tab: Tab, title: str) -> dict[str, Any]:
    """What can be said of a chat's row."""
    properties: dict[str, Any] = tab.find("link", re.compile(f"^{re.escape(title)}")).properties
    return properties


@pytest.mark.usefixtures("built_page")
def test_thousands_of_chats_are_read_as_one_scrolls_each_once_in_order_and_few_are_in_the_document(
    profile: Profile, stored: Server, folder: Path
) -> None:
    for number in range(MANY):
        write_chat(folder, f"{number:05}", f"Chat {number:05}", age_s=number * 600)
    tab = opened(profile, stored)
    tab.sees("Chat 00003")

    tab.evaluate("window.met = new Set()")
    end = f"Chat {MANY - 1:05}"
    step = f"""(() => {{
      {SEEN}.forEach(([, id]) => window.met.add(id));
      {BOX}.scrollTop += {BOX}.clientHeight - 80;
      return [...{BOX}.querySelectorAll('a[data-chat]')].some((link) => link.title === '{end}');
    }})()"""
    tab.until(f"new Promise((resolve) => requestAnimationFrame(() => resolve({step})))")

    assert tab.evaluate("window.met.size") > MANY - 40
    order = "(([...met]) => met.every((id, place) => place === 0 || met[place - 1] < id))(window.met)"
    assert tab.evaluate(order)
    assert tab.evaluate(f"{BOX}.querySelectorAll('*').length") < 600
    pages = [url for url in tab.requests if "/chat/history?" in url]
    assert len(pages) == 6
    assert tab.complaints_but("network") == []


@pytest.mark.usefixtures("built_page")
def test_a_reply_far_away_moves_its_chat_to_the_top_and_leaves_what_is_seen_where_it_is(
    profile: Profile, stored: Server, folder: Path, provider: PuppetService
) -> None:
    for number in range(900):
        write_chat(folder, f"chat-{number:05}", f"Chat {number:05}", age_s=3600 + number)
    tab = opened(profile, stored)
    tab.sees("Chat 00003")
    tab.until(f"({BOX}.scrollTop = 20000, {SEEN}.some(([, id]) => id > 'chat-00400'))")
    before = tab.evaluate(f"new Promise((resolve) => requestAnimationFrame(() => resolve({SEEN})))")
    read = "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/chat/history?')).length"
    assert tab.evaluate(read) == 2

    run = stored.client.begin("Wake up", "chat-00850")
    provider.asked("Wake up").finish("I am awake.")
    stored.client.follow(run)
    tab.until(f"{read} === 3")

    tab.until(f"JSON.stringify({SEEN}) === {json.dumps(json.dumps(before, separators=(',', ':')))}")
    tab.until(f"({BOX}.scrollTop = 0, {SEEN}[0]?.[1] === 'chat-00850')")
    assert titles(tab).count("Chat 00850") == 1


@pytest.mark.usefixtures("built_page")
def test_chats_stand_under_their_days_and_the_open_one_is_marked(
    profile: Profile, stored: Server, folder: Path
) -> None:
    day_s = 24 * 3600
    for title, age_s in (("New", 0), ("Old", 40 * day_s), ("Ancient", 800 * day_s)):
        write_chat(folder, title.lower(), title, age_s)
    tab = opened(profile, stored, "#/chat/old")
    tab.sees("Ancient")

    headings = tab.evaluate("[...document.querySelectorAll('nav h2')].map((each) => each.innerText)")
    year = (datetime.now(UTC) - timedelta(days=800)).year
    assert headings[0] == "Today"
    assert headings[-1].endswith(str(year))
    marked = "[...document.querySelectorAll('nav [aria-current=page]')].map((each) => each.innerText)"
    assert tab.until(f"({marked}).includes('Old') && {marked}") == ["Old"]


@pytest.mark.usefixtures("built_page")
def test_a_chat_is_renamed_in_its_place_by_keys_or_its_menu_in_all_tabs_and_html_in_titles_is_text(
    profile: Profile, stored: Server, folder: Path
) -> None:
    write_chat(folder, "first", "First", 0)
    write_chat(folder, "second", EVIL, 60)
    tab = opened(profile, stored)
    other = opened(profile, stored)
    other.sees("First")
    tab.find("link", "First").focus()

    tab.press("F2")
    tab.find("textbox", "Title of the chat")
    tab.type("<b>Moon</b>")
    tab.press("Enter")
    for each in (tab, other):
        each.until("document.querySelector('a[data-chat=first]')?.innerText === '<b>Moon</b>'")
    tab.until("document.activeElement.dataset.chat === 'first'")
    eventually(lambda: stored.stored("first")["title"] == "<b>Moon</b>")

    tab.hover("link", "<b>Moon</b>")
    tab.click("button", "Menu of <b>Moon</b>")
    tab.click("menuitem", "Rename")
    tab.find("textbox", "Title of the chat")
    tab.type("Lost")
    tab.press("Escape")
    tab.until("document.querySelector('a[data-chat=first]')?.innerText === '<b>Moon</b>'")
    assert stored.stored("first")["title"] == "<b>Moon</b>"

    shown = "document.querySelector('a[data-chat=second]').innerText"
    assert tab.evaluate(shown) == EVIL
    assert tab.evaluate("[window.isHurt, document.querySelectorAll('nav img, nav script').length]") == [None, 0]
    assert tab.complaints_but("network") == []


def test_a_chat_is_renamed_while_its_first_reply_is_written(page: Tab, server: Server, provider: PuppetService) -> None:
    page.fill("textbox", "Message", "How far is the moon?")
    page.press("Enter")
    call = provider.asked("How far is the moon?")
    call.say("Far ")
    page.sees("Far")

    page.click("button", "How far is the moon?")
    page.find("textbox", "Title of the chat")
    page.type("Moon")
    page.press("Enter")
    page.find("link", re.compile("^Moon.*A reply is being written"))
    call.finish("away.")
    page.sees("Far away.")
    page.is_gone("link", re.compile("A reply is being written"))

    assert titles(page) == ["Moon"]
    page.reload()
    page.find("button", "Moon")
    (stored,) = server.folder.glob("*.json")
    assert server.stored(stored.stem)["title"] == "Moon"
    assert page.complaints_but("network") == []


@pytest.mark.usefixtures("built_page")
def test_a_deleted_chat_is_gone_at_once_in_all_tabs_and_comes_back_where_it_stood(
    profile: Profile, stored: Server, folder: Path
) -> None:
    for place, title in enumerate(("First", "Second", "Third")):
        write_chat(folder, title.lower(), title, place * 60)
    tab = opened(profile, stored, "#/chat/second")
    other = opened(profile, stored)
    other.sees("Second")
    tab.find("link", "Second").focus()

    tab.press("Delete")
    tab.sees("“Second” is in the trash.")
    tab.until("location.hash === '#/'")
    assert titles(tab) == ["First", "Third"]
    other.sees_no("Second")
    assert not stored.chat_file("second").exists()

    tab.click("button", "Undo")
    tab.until("location.hash === '#/chat/second'")
    for each in (tab, other):
        each.until(f"JSON.stringify([...{BOX}.querySelectorAll('a[data-chat]')].length) === '3'")
        assert titles(each) == ["First", "Second", "Third"]

    other.find("link", "First").focus()
    other.press("Delete")
    other.until("document.activeElement.dataset.chat === 'second'")
    other.sees("“First” is in the trash.")


@pytest.mark.usefixtures("built_page")
def test_what_is_said_of_a_chat_covers_no_message_that_is_being_written(
    profile: Profile, stored: Server, folder: Path
) -> None:
    write_chat(folder, "first", "A title of many words " * 8, 0)
    tab = opened(profile, stored)
    tab.find("link", re.compile("^A title")).focus()
    tab.press("Delete")
    undo = tab.find("button", "Undo").call("function () { return this.scrollHeight < 2 * this.clientWidth; }")
    assert undo, "its label is broken into letters"
    tab.click("textbox", "Message")
    tab.type("and on")
    tab.click("button", "Undo")
    tab.sees("A title of many words")


@pytest.mark.usefixtures("built_page")
def test_a_chat_is_exported_as_a_file(profile: Profile, stored: Server, folder: Path) -> None:
    write_chat(folder, "first", "First", 0, "How far is the moon?", "Far.")
    tab = opened(profile, stored)
    for entry, name in (("Markdown", "first.md"), ("text", "first.txt"), ("JSON", "first.json")):
        tab.hover("link", "First")
        tab.click("button", "Menu of First")
        tab.click("menuitem", f"Export as {entry}")
        eventually((profile.downloads / name).exists)
        assert "How far is the moon?" in (profile.downloads / name).read_text()
    assert (profile.downloads / "first.json").read_bytes() == stored.chat_file("first").read_bytes()


def test_a_chat_with_a_live_run_has_a_sign_then_one_of_a_new_reply_until_it_is_opened(
    page: Tab, profile: Profile, server: Server, provider: PuppetService
) -> None:
    run = server.client.begin("Count", "counting")
    page.find("link", re.compile("^Count.*A reply is being written"))
    provider.asked("Count").finish("One.")
    server.client.follow(run)
    page.find("link", re.compile("^Count.*New reply"))
    page.reload()
    page.find("link", re.compile("^Count.*New reply"))

    page.click("link", re.compile("^Count"))
    page.is_gone("link", re.compile("New reply"))
    page.open(f"{server.base_url}/")
    page.find("link", "Count")
    assert not page.has("link", re.compile("New reply"))


def test_a_chat_that_is_begun_elsewhere_comes_at_once_at_the_top(
    page: Tab, server: Server, provider: PuppetService
) -> None:
    page.sees("No chats yet.")
    run = server.client.begin("First question", "first")
    page.find("link", re.compile("^First question"))
    provider.asked("First question").finish("Yes.")
    server.client.follow(run)
    server.client.begin("Second question", "second")
    page.find("link", re.compile("^Second question"))
    assert titles(page) == ["Second question", "First question"]


@pytest.mark.usefixtures("built_page")
def test_the_list_is_walked_by_keys(profile: Profile, stored: Server, folder: Path) -> None:
    for number in range(300):
        write_chat(folder, f"chat-{number:03}", f"Chat {number:03}", number * 60)
    tab = opened(profile, stored)
    tab.find("link", "Chat 000").focus()
    focused = "document.activeElement.dataset.chat"
    for key, chat in (("ArrowDown", "001"), ("ArrowDown", "002"), ("ArrowUp", "001"), ("Home", "000")):
        tab.press(key)
        tab.until(f"{focused} === 'chat-{chat}'")
    tab.press("End")
    tab.until(f"['chat-099', 'chat-299'].includes({focused})")
    tab.until(f"{SEEN}.some(([, id]) => id === {focused})")
    tab.press("Tab")
    tab.until("document.activeElement.getAttribute('aria-label')?.startsWith('Menu of Chat')")
    tab.press("Enter")
    tab.until("document.activeElement.getAttribute('role') === 'menuitem'")
    tab.press("ArrowDown", "Escape")
    tab.until("document.activeElement.getAttribute('aria-label')?.startsWith('Menu of Chat')")


@pytest.mark.usefixtures("built_page")
def test_search_marks_its_hits_reads_on_and_is_cleared_by_escape(
    profile: Profile, stored: Server, folder: Path
) -> None:
    for number in range(150):
        write_chat(
            folder, f"chat-{number:03}", f"Chat {number:03}", number * 60, f"About the Moon, part {number}.", "Ok"
        )
    tab = opened(profile, stored)
    tab.sees("Chat 003")
    tab.evaluate("document.activeElement.blur()")
    tab.press("Control+K")
    tab.until("document.activeElement.getAttribute('aria-label') === 'Search messages'")
    tab.type("moon")
    tab.sees("150 results")
    tab.until("document.querySelectorAll('mark').length > 3")
    assert set(tab.evaluate("[...document.querySelectorAll('mark')].map((each) => each.innerText)")) == {"Moon"}
    assert tab.evaluate("document.querySelector('search [role=status]').innerText") == "150 results"
    tab.until(f"({BOX}.scrollTop += 2000, document.querySelector('a[data-place=\"149\"]'))?.isConnected")
    tab.press("Escape")
    tab.sees("Today")
    assert tab.evaluate("document.activeElement.value") == ""


@pytest.mark.usefixtures("built_page")
def test_a_result_jumps_to_its_message_far_up_and_on_another_branch(
    profile: Profile, stored: Server, folder: Path
) -> None:
    texts = [f"Message {number}." if number != 20 else "A walrus far up." for number in range(600)]
    write_chat(
        folder, "long", "Long", 0, *texts, "A tiger, asked of first.", "It sleeps.", "A lion in its place.", "Yes."
    )
    path = folder / "long.json"
    chat = json.loads(path.read_text())
    chat["messages"][602]["parent_id"] = "msg_long_599"
    path.write_text(json.dumps(chat))
    tab = opened(profile, stored)
    for word, shown in (("walrus", "A walrus far up."), ("tiger", "A tiger, asked of first.")):
        tab.fill("textbox", "Search messages", word)
        tab.sees("1 result")
        tab.click("link", re.compile(word))
        tab.until(
            f"""(() => {{
              const text = [...document.querySelectorAll('main *')].findLast((each) => each.innerText === '{shown}');
              const place = text?.getBoundingClientRect();
              return place && place.top >= 0 && place.bottom <= innerHeight;
            }})()"""
        )
    assert "A lion in its place." not in tab.text


@pytest.mark.usefixtures("built_page")
def test_what_is_found_in_a_chat_that_the_list_has_not_read_has_its_title(
    profile: Profile, stored: Server, folder: Path
) -> None:
    write_chat(folder, "far", "Far away", 90_000, "How far is the moon?")
    for number in range(300):
        write_chat(folder, f"near-{number}", f"Near {number}", number)
    tab = opened(profile, stored)
    tab.sees("Near 7")

    tab.fill("textbox", "Search messages", "moon")
    tab.find("link", re.compile("^Far away.*How far is the moon"))
    assert len([url for url in tab.requests if "/chat/history?" in url]) == 1


@pytest.mark.usefixtures("built_page")
def test_what_is_wrong_with_a_query_is_said_and_a_search_without_results_teaches(
    profile: Profile, stored: Server, folder: Path
) -> None:
    write_chat(folder, "first", "First", 0)
    tab = opened(profile, stored)
    tab.fill("textbox", "Search messages", '"moon')
    tab.until("document.querySelector('search [role=status]').innerText.includes('quote')")
    assert tab.find("textbox", "Search messages").properties["invalid"] == "true"
    tab.fill("textbox", "Search messages", "moon")
    tab.sees("Nothing found.")
    tab.sees("these words in this order")


@pytest.mark.usefixtures("built_page")
def test_html_in_messages_is_text_in_what_a_search_found(profile: Profile, stored: Server, folder: Path) -> None:
    write_chat(folder, "evil", EVIL, 0, f"moon {EVIL} moon", f"\ue000moon\ue001 {EVIL}")
    tab = opened(profile, stored)
    tab.fill("textbox", "Search messages", "moon onerror")
    tab.until("document.querySelectorAll('mark').length > 2")

    assert tab.evaluate("document.querySelector('a[data-place]').innerText").count("<img src=x") == 2
    assert tab.evaluate("[window.isHurt, document.querySelectorAll('nav img, nav script').length]") == [None, 0]
    assert tab.complaints_but("network") == []


@pytest.mark.usefixtures("built_page")
def test_files_of_chats_are_imported_with_what_was_skipped_and_what_is_too_large_told(
    profile: Profile, stored: Server, folder: Path, tmp_path: Path
) -> None:
    write_chat(folder, "there", "There", 0)
    write_chat(tmp_path / "files", "new", "Brand new", 3600)
    write_chat(tmp_path / "files", "huge", "Huge", 60, "word " * 300_000)
    write_chat(tmp_path / "files", "there", "There", 0)
    (tmp_path / "files" / "there.json").write_bytes((folder / "there.json").read_bytes())
    (tmp_path / "files" / "broken.json").write_text("{")
    tab = opened(profile, stored)
    tab.sees("There")

    files = [str(tmp_path / "files" / f"{name}.json") for name in ("new", "there", "huge", "broken")]
    field = tab.ask("Runtime.evaluate", expression="document.querySelector('input[type=file]')")["result"]["objectId"]
    tab.ask("DOM.setFileInputFiles", files=files, objectId=field)

    tab.find("dialog", "Import")
    reports = "[...document.querySelectorAll('dialog section')].map((each) => each.innerText)"
    new, there, huge, broken = tab.until(f"({reports}).length === 4 && {reports}")
    assert "1 chat was imported." in new
    assert "1 chat was skipped" in there
    assert "chatkeep import" in huge
    assert "cannot be reached" not in broken
    assert violations_of(tab) == []
    tab.click("button", "Close")
    tab.until("document.querySelector('a[data-chat=new]')?.innerText === 'Brand new'")


@pytest.mark.usefixtures("built_page")
def test_a_chat_is_brought_back_from_the_trash_days_later(profile: Profile, stored: Server, folder: Path) -> None:
    write_chat(folder, "first", "First", 0)
    write_chat(folder, "second", "Second", 60)
    stored.start()
    assert stored.client.http.delete("/chat/delete/second").status_code == 200
    tab = opened(profile, stored, "#/trash")
    tab.click("button", "Restore Second")
    tab.sees("“Second” is back.")
    tab.sees("The trash is empty.")
    tab.find("link", "Second")
    tab.click("button", "Open chat")
    tab.until("location.hash === '#/chat/second'")


@pytest.mark.usefixtures("built_page")
def test_the_sidebar_and_the_trash_keep_nobody_out(profile: Profile, stored: Server, folder: Path) -> None:
    write_chat(folder, "first", "First", 0, "About the moon", "Yes")
    write_chat(folder, "second", "Second", 60)
    stored.start()
    stored.client.http.delete("/chat/delete/second")
    tab = opened(profile, stored, "#/trash")
    tab.find("button", "Restore Second")
    for scheme in ("light", "dark"):
        tab.prefer(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
        tab.find("link", "First")
        assert violations_of(tab) == []
        tab.fill("textbox", "Search messages", "moon")
        tab.sees("1 result")
        assert violations_of(tab) == []
        tab.fill("textbox", "Search messages", "nowhere")
        tab.sees("these words in this order")
        assert violations_of(tab) == []
        tab.press("Escape")
    tab.resize(*PHONE, is_phone=True)
    tab.click("button", "Show the sidebar")
    tab.find("link", "First")
    assert violations_of(tab) == []
