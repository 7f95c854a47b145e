"""Real servers for all tests of the HTTP contract; each test uses chats of its own."""

from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.server import Client, Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("api") / "chats") as running:
        yield running


@pytest.fixture
def client(server: Server) -> Client:
    return server.client


class Keyed(NamedTuple):
    """A server that needs keys, and a client of each role. `reader` reads what is alice's."""

    server: Server
    alice: Client
    bob: Client
    reader: Client
    admin: Client

    @property
    def nobody(self) -> Client:
        """A client without a key."""
        return self.server.client


@pytest.fixture(scope="session")
def keyed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keyed]:
    with serving(tmp_path_factory.mktemp("keyed") / "chats", start=False) as running:
        keys = [
            running.add_key("alice"),
            running.add_key("bob"),
            running.add_key("reader", "--role", "reader", "--owner", "alice"),
            running.add_key("admin", "--role", "admin"),
        ]
        running.start()
        yield Keyed(running, *(running.client_of(key) for key in keys))


def key_of(client: Client) -> str:
    """The key that `client` shows."""
    key: str = client.http.headers["X-API-Key"]
    return key
