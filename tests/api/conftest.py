"""One real server for all tests of the HTTP contract; each test uses chats of its own."""

from collections.abc import Iterator

import pytest

from tests.server import Client, Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("api") / "chats") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Client:
    return server.client
