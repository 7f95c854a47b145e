"""A browser for all tests, and for each test the page of a server whose provider the test plays."""

from collections.abc import Callable, Iterator
from pathlib import Path

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


@pytest.fixture
def provider() -> Iterator[PuppetService]:
    with puppet_service() as running:
        yield running


@pytest.fixture
def server(tmp_path: Path, provider: PuppetService) -> Iterator[Server]:
    """A server with that provider, and nobody at it."""
    with serving(tmp_path / "chats", environment=provider.environment) as running:
        yield running


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
