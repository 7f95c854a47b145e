"""A browser and a server for all tests, and for each test the page of that server, whose provider the test plays."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

import chatkeep
from tests.browser_kit.devtools import Devtools, chromium
from tests.browser_kit.tab import Profile, Tab
from tests.puppet_service import PuppetService, puppet_service
from tests.server import Server, serving


@pytest.fixture(scope="session")
def devtools(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Devtools]:
    with chromium(tmp_path_factory.mktemp("chromium")) as running:
        yield running


@pytest.fixture
def new_profile(devtools: Devtools, tmp_path: Path) -> Iterator[Callable[[], Profile]]:
    """Makes browsers of other people."""
    made: list[Profile] = []

    def make() -> Profile:
        made.append(Profile(devtools, tmp_path / f"downloads-{len(made)}"))
        return made[-1]

    yield make
    for profile in made:
        profile.close()


@pytest.fixture
def profile(new_profile: Callable[[], Profile]) -> Profile:
    return new_profile()


@pytest.fixture
def tab(profile: Profile) -> Tab:
    """An empty tab."""
    return profile.open_tab()


class Stage(NamedTuple):
    """A server whose default provider a test plays."""

    server: Server
    provider: PuppetService


@contextmanager
def stage(folder: Path) -> Iterator[Stage]:
    with puppet_service() as provider, serving(folder / "chats", environment=provider.environment) as server:
        yield Stage(server, provider)


@pytest.fixture(scope="session")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """What most tests play on one after the other: a server needs a second to start."""
    with stage(tmp_path_factory.mktemp("lasting")) as built:
        yield built


@pytest.fixture
def tidy(lasting: Stage) -> Iterator[Stage]:
    """The same, as if it were new. Whoever makes keys needs `own`: a server that has some stays locked."""
    yield lasting
    server, provider = lasting
    provider.become_as_new()
    if not server.is_running:
        server.start()
    http = server.client.http
    while runs := http.get("/runs").json()["runs"]:
        for run in runs:
            http.post(f"/runs/{run['run_id']}/stop")
    for chat_id in server.client.chats():
        http.delete(f"/chat/delete/{chat_id}", params={"purge": True}).raise_for_status()
    provider.calls.clear()
    checked = http.get("/api/llm/health", params={"provider": "puppet", "check": True}).json()
    if checked["state"] != "healthy" or any(row.get("retry_at") for row in checked["providers"]):
        server.start()  # it does not call who failed too often, for a while


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Stage]:
    """A server and a provider for one test alone."""
    with stage(tmp_path) as built:
        yield built


@pytest.fixture
def provider(tidy: Stage) -> PuppetService:
    return tidy.provider


@pytest.fixture
def server(tidy: Stage) -> Server:
    """A server with that provider, and nobody at it."""
    return tidy.server


@pytest.fixture(scope="session")
def built_page() -> None:
    """Skips the test when there is no page."""
    if not (Path(chatkeep.__file__).parent / "static" / "index.html").exists():
        pytest.skip("the web page is not built: make setup, with Node")


@pytest.fixture
def page(built_page: None, profile: Profile, server: Server) -> Tab:
    """The page, with a new chat that waits for a message."""
    opened = profile.open_tab(f"{server.base_url}/")
    opened.find("textbox", "Message")
    return opened
