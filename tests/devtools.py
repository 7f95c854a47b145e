"""A real browser that is told what to do, by its DevTools Protocol: chromedevtools.github.io/devtools-protocol."""

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.server import eventually

PAGE_S = 60.0  # for a page to come to where it should; a busy machine is slow

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost", "--no-proxy-server"),
    "--ignore-certificate-errors",
)
"""No window, and no host but this machine, whose certificates are made by the tests."""


def find_chromium() -> str:
    """Its path; skips the test without one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no browser is installed: apt-get install chromium")


class Tab:
    """One page. `complaints` are what its console and its policy said was wrong, `requested` the addresses that it
    asked for, `dialogs` what it said in boxes, which are closed at once.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self._numbers = itertools.count()
        self.complaints: list[str] = []
        self.requested: list[str] = []
        self.dialogs: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._ask(f"{domain}.enable")

    def open(self, url: str) -> None:
        """Go there. What the page does then is not waited for."""
        self._ask("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression of JavaScript; a promise is awaited."""
        answer = self._ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def until(self, expression: str) -> Any:
        """Wait until the expression, or what it promises, is true in the page, and return its value."""
        return self.evaluate(
            f"(async () => {{ for (;;) {{ const found = await ({expression}); if (found) return found;"
            " await new Promise((resolve) => setTimeout(resolve, 20)); } })()"
        )

    def _ask(self, method: str, **params: object) -> dict[str, Any]:
        number = next(self._numbers)
        self._connection.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(self._connection.recv(timeout=PAGE_S))
            if message.get("id") == number:
                assert "error" not in message, message
                answer: dict[str, Any] = message["result"]
                return answer
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        said = message.get("params", {})
        if message.get("method") == "Network.requestWillBeSent":
            self.requested.append(said["request"]["url"])
        if message.get("method") == "Page.javascriptDialogOpening":
            self.dialogs.append(said["message"])
            closing = {"id": next(self._numbers), "method": "Page.handleJavaScriptDialog", "params": {"accept": False}}
            self._connection.send(json.dumps(closing))
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(str(said["exceptionDetails"].get("exception", said)))
        elif message.get("method") == "Log.entryAdded" and said["entry"]["level"] == "error":
            self.complaints.append(f"{said['entry']['text']} {said['entry'].get('url', '')}")


@contextmanager
def browser(folder: Path) -> Iterator[Tab]:
    """A browser with one tab, which ends with the block. Its profile is in `folder`."""
    profile = folder / "profile"
    with (folder / "browser.log").open("wb") as log:
        command = [find_chromium(), *FLAGS, f"--user-data-dir={profile}", "--remote-debugging-port=0", "about:blank"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            port = eventually(lambda: _port(profile))
            with httpx.Client(trust_env=False) as client:
                targets = eventually(lambda: _pages(client, port))
            with connect(targets[0]["webSocketDebuggerUrl"], proxy=None, max_size=None) as connection:
                yield Tab(connection)
        finally:
            process.terminate()
            process.wait(PAGE_S)


def _port(profile: Path) -> str:
    path = profile / "DevToolsActivePort"
    lines = path.read_text().splitlines() if path.exists() else []
    return lines[0] if len(lines) > 1 else ""


def _pages(client: httpx.Client, port: str) -> list[dict[str, Any]]:
    listed = client.get(f"http://127.0.0.1:{port}/json/list").json()
    return [target for target in listed if target["type"] == "page"]
