"""What a person does with a chat, and what they read there."""

import re

from tests.browser_kit.tab import Tab
from tests.server import Server

WORDS = [f"w{number}" for number in range(60)]


def ask(tab: Tab, question: str) -> None:
    """Type a message, and send it."""
    tab.fill("textbox", "Message", question)
    tab.press("Enter")


def chat_id_of(tab: Tab) -> str:
    """The chat that is open."""
    return tab.url.rpartition("#/chat/")[2]


def spaced(words: list[str]) -> list[str]:
    """Words as a provider says them."""
    return [f"{word} " for word in words]


def words_of_reply(tab: Tab) -> list[str]:
    """Which of WORDS the last reply shows, in its order, as often as it shows them."""
    replies = tab.all("article", "Assistant")
    return re.findall(r"\bw\d+\b", replies[-1].text) if replies else []


def reads(tab: Tab, words: list[str]) -> None:
    """Wait until the last reply is exactly these words."""
    tab.wait_for(lambda: words_of_reply(tab) == words, f"the reply {words}, but {words_of_reply(tab)}")


def questions_in(server: Server, chat_id: str) -> list[str]:
    """What the user has asked by the chat's file."""
    return [message["content"] for message in server.stored_messages(chat_id) if message["role"] == "user"]
