"""The page /doctor in a real browser, straight and through a proxy."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.browser_kit.tab import Tab
from tests.certificates import Authority
from tests.real_proxies import nginx
from tests.reverse_proxy import reverse_proxy
from tests.server import Server, serving

NOW = "(document.getElementById('now')?.textContent ?? '')"
TITLES = [
    *("Reaching chatkeep", "Buffering", "Compression", "Silence", "Long answers", "WebSocket", "Large messages"),
    *("Host and Origin", "Client addresses"),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("looked-at") / "chats") as running:
        yield running


def looked_at(tab: Tab, url: str) -> dict[str, str]:
    """The verdicts that the page shows at its end, by the titles of the checks."""
    tab.open(f"{url}/doctor?silence=1")
    return verdicts(tab)


def verdicts(tab: Tab) -> dict[str, str]:
    tab.until(f"{NOW}.startsWith('Done')")
    shown: list[str] = tab.evaluate("[...document.querySelectorAll('article h3')].map((each) => each.textContent)")
    return dict(heading.split(": ") for heading in shown)


def text_of(tab: Tab, title: str) -> str:
    found: str = tab.evaluate(
        "[...document.querySelectorAll('article')]"
        f".find((each) => each.querySelector('h3').textContent.startsWith('{title}')).innerText"
    )
    return found


def test_without_a_proxy_the_page_says_that_all_is_well_and_the_browser_complains_of_nothing(
    tab: Tab, server: Server
) -> None:
    assert looked_at(tab, server.base_url) == dict.fromkeys(TITLES, "ok")
    assert "GET, POST, EventSource" in text_of(tab, "Buffering")
    assert tab.evaluate(NOW) == "Done: 0 problems, 0 warnings, 9 checks without either."
    assert tab.complaints == []


def test_what_a_proxy_does_is_shown_with_the_setting_that_mends_it(tab: Tab, server: Server) -> None:
    port = urlsplit(server.base_url).port
    assert port is not None
    with reverse_proxy(port, holds=True, refuses_upgrades=True, most_body=100_000) as proxy:
        found = looked_at(tab, proxy.url)

    problems = [title for title, verdict in found.items() if verdict == "problem"]
    assert problems == ["Buffering", "WebSocket", "Large messages"]
    assert "GET, POST, EventSource" in text_of(tab, "Buffering")
    assert "proxy_buffering off;" in text_of(tab, "Buffering")
    assert "status 413" in text_of(tab, "Large messages")


def test_over_http_2_the_page_says_so_and_streams_come_as_they_are_sent(
    tab: Tab, server: Server, tmp_path: Path
) -> None:
    Authority(tmp_path).context_of("localhost")
    settings = """location / {
        proxy_pass http://127.0.0.1:8000; proxy_http_version 1.1; proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
        proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;
    }"""
    with nginx(tmp_path, server, settings, certificate=tmp_path / "localhost.pem") as url:
        found = looked_at(tab, url)

    assert found == dict.fromkeys([*TITLES, "HTTP version", "Scheme"], "ok")
    assert "HTTP/2" in text_of(tab, "HTTP version")


def test_a_key_is_asked_for_kept_nowhere_and_its_session_ends_with_the_look(tab: Tab, tmp_path: Path) -> None:
    with serving(tmp_path / "chats", start=False) as server:
        key = server.add_key("alice", "--role", "reader")
        server.start()
        tab.open(f"{server.base_url}/doctor?silence=1")
        tab.until("document.getElementById('login')?.hidden === false")
        type_key(tab, "ck_wrong")
        tab.until(f"{NOW}.includes('not valid') && document.getElementById('login').hidden === false")
        type_key(tab, key)

        assert verdicts(tab) == dict.fromkeys(TITLES, "ok")
        tab.until("fetch('login').then((answer) => answer.status === 401)")
        kept = "[document.getElementById('key').value, document.cookie, localStorage.length, sessionStorage.length]"
        assert tab.evaluate(kept) == ["", "", 0, 0]
        assert key not in tab.evaluate("document.documentElement.outerHTML")


def test_a_session_that_there_is_already_is_used_and_left_alone(tab: Tab, tmp_path: Path) -> None:
    with serving(tmp_path / "chats", start=False) as server:
        key = server.add_key("alice")
        server.start()
        tab.open(f"{server.base_url}/health")
        body = f"{{method: 'POST', headers: {{'Content-Type': 'application/json'}}, body: '{{\"key\": \"{key}\"}}'}}"
        assert tab.evaluate(f"fetch('/login', {body}).then((answer) => answer.status)") == 200

        assert looked_at(tab, server.base_url) == dict.fromkeys(TITLES, "ok")
        assert tab.evaluate("fetch('login').then((answer) => answer.status)") == 200


def test_the_page_can_be_read_without_colours_and_heard_while_it_works(tab: Tab, server: Server) -> None:
    looked_at(tab, server.base_url)

    tree = "['h1', 'h2', 'h3'].map((name) => document.querySelectorAll(name).length)"
    assert tab.evaluate(tree) == [1, 1, len(TITLES)]
    assert tab.evaluate(
        "[...document.querySelectorAll('h3')].every((each) => /: (ok|warning|problem)$/.test(each.textContent))"
    )
    assert tab.evaluate("document.querySelector('[role=status]').getAttribute('aria-live')") == "polite"
    assert tab.evaluate("document.querySelector('label').control.id") == "key"
    assert tab.evaluate("[...document.querySelectorAll('button')].every((each) => each.textContent.trim())")
    assert tab.evaluate("document.documentElement.lang") == "en"
    assert tab.evaluate("getComputedStyle(document.documentElement).colorScheme") == "light dark"


def type_key(tab: Tab, key: str) -> None:
    tab.evaluate(f"document.getElementById('key').value = '{key}', document.querySelector('#login button').click()")
