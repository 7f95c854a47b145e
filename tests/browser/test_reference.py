"""The pages of the API's description in a real browser that finds no other host."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.server import Server, serving

PAGE_S = 60.0  # for a browser to start and end; a busy machine is slow


class Shown(NamedTuple):
    """What became of a page: its document after its scripts, the addresses it asked for, and what it complained of."""

    document: str
    asked: set[str]
    complaints: list[str]


@pytest.fixture(scope="module")
def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no browser is installed: apt-get install chromium")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("browser") / "chats") as running:
        yield running


def show(chromium: str, url: str, folder: Path) -> Shown:
    net_log = folder / "net.json"
    done = subprocess.run(
        [
            chromium,
            *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"),
            *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
            *("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--no-proxy-server"),
            *("--enable-logging=stderr", f"--user-data-dir={folder / 'profile'}", f"--log-net-log={net_log}"),
            *("--virtual-time-budget=20000", "--dump-dom", url),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=PAGE_S,
    )
    complaints = [line for line in done.stderr.splitlines() if ":CONSOLE" in line]
    origin = "/".join(url.split("/")[:3])
    return Shown(done.stdout, _asked(net_log, origin), complaints)


def _asked(net_log: Path, origin: str) -> set[str]:
    """The addresses that pages of `origin` began requests for, by the browser's own log of its network.

    The browser asks its maker for this and that meanwhile; those requests have no page that began them.
    """
    logged = json.loads(net_log.read_text())
    begun = logged["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    requests = [event.get("params", {}) for event in logged["events"] if event["type"] == begun]
    return {request["url"] for request in requests if request.get("initiator") == origin}


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_a_page_shows_every_operation_and_asks_no_other_host(
    path: str, chromium: str, server: Server, tmp_path: Path
) -> None:
    shown = show(chromium, server.base_url + path, tmp_path)

    document = server.client.http.get("/openapi.json").json()
    for operations in document["paths"].values():
        for operation in operations.values():
            assert operation["summary"] in shown.document
    assert f"{server.base_url}/openapi.json" in shown.asked
    assert {url for url in shown.asked if not url.startswith(f"{server.base_url}/")} == set()
    # ReDoc's own logo, which the page's policy keeps out, is all that is complained of.
    assert [line for line in shown.complaints if "redoc.ly/redoc/logo-mini.svg" not in line] == []
