"""A real Chromium that is told what to do, by its DevTools Protocol: chromedevtools.github.io/devtools-protocol.

The process, the line to it and its profiles. What a tab can do: tab.py.
"""

import itertools
import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

from tests.server import eventually

PAGE_S = 60.0  # for a page to come to where it should; a busy machine is slow
OTHER_MACHINE = "laptop"
"""A name for this machine that browsers do not trust as they trust 127.0.0.1: plain HTTP there is no secure context."""

FLAGS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--lang=en"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
    f"--host-resolver-rules=MAP {OTHER_MACHINE} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    *("--no-proxy-server", "--ignore-certificate-errors"),
)
"""No window, and no host but this machine, whose certificates are made by the tests."""


class RefusedByBrowser(Exception):
    """The browser would not, often because the page has gone on meanwhile."""


def find_chromium() -> str:
    """Its path; skips the test without one."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no browser is installed: apt-get install chromium")


class Devtools:
    """The line to a browser, whose process is `pid`. Events are told to who listens for their session."""

    def __init__(self, connection: ClientConnection, pid: int) -> None:
        self.pid = pid
        self._connection = connection
        self._numbers = itertools.count()
        self._listeners: dict[str, Callable[[str, dict[str, Any]], None]] = {}

    def ask(self, method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        """The answer to a method; events that come before it are told. Raises: RefusedByBrowser."""
        number = self.tell(method, session, **params)
        deadline = time.monotonic() + PAGE_S
        while (left_s := deadline - time.monotonic()) > 0:
            message = json.loads(self._connection.recv(timeout=left_s))
            if message.get("id") == number:
                if "error" in message:
                    raise RefusedByBrowser(f"{method}: {message['error']}")
                answer: dict[str, Any] = message["result"]
                return answer
            if listener := self._listeners.get(message.get("sessionId", "")):
                listener(message.get("method", ""), message.get("params", {}))
        raise TimeoutError(f"no answer to {method} within {PAGE_S:g} s")

    def tell(self, method: str, session: str | None = None, **params: object) -> int:
        """Ask, and leave the answer alone."""
        number = next(self._numbers)
        named = {"sessionId": session} if session is not None else {}
        self._connection.send(json.dumps({"id": number, "method": method, "params": params, **named}))
        return number

    def attach(self, target: str, listener: Callable[[str, dict[str, Any]], None]) -> str:
        """The session of a target, whose events go to `listener`."""
        session: str = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._listeners[session] = listener
        return session


@contextmanager
def chromium(folder: Path) -> Iterator[Devtools]:
    """A browser that ends with the block. What it writes is in `folder`."""
    files = folder / "browser"
    with (folder / "browser.log").open("wb") as log:
        command = [find_chromium(), *FLAGS, f"--user-data-dir={files}", "--remote-debugging-port=0", "about:blank"]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            port, path = eventually(lambda: _address(files))
            with connect(f"ws://127.0.0.1:{port}{path}", proxy=None, max_size=None, ping_interval=None) as connection:
                yield Devtools(connection, process.pid)
        finally:
            process.terminate()
            process.wait(PAGE_S)


def _address(files: Path) -> list[str]:
    path = files / "DevToolsActivePort"
    lines = path.read_text().splitlines() if path.exists() else []
    return lines if len(lines) == 2 else []
