"""A server that can be killed at a point, shared by the tests of a module: each test has a chat of its own."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server import Server

KILLER = Path(__file__).with_name("killer.py")


class Rig:
    """A data folder and the server on it, which `order` tells where to die."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._folders = 0
        self._chats = 0
        self.server = self._make()

    @property
    def control(self) -> Path:
        """The file that the killer looks at."""
        return self.server.folder.with_name("control")

    @property
    def points(self) -> list[str]:
        """What the order `list` has listed."""
        return self.control.with_name("control.points").read_text().splitlines()

    def order(self, order: str | None) -> None:
        """Say what happens from here on; see killer.py."""
        if order is None:
            self.control.unlink(missing_ok=True)
            return
        # Why: it must appear with its content.
        new = self.control.with_name("control.new")
        new.write_text(order)
        new.replace(self.control)

    def ready(self) -> Server:
        """A running server without orders; on a new folder when the last test left none."""
        if not self.server.is_running or self.control.exists():
            self.server.close()
            self.server = self._make()
            self.server.start()
        return self.server

    def restart(self) -> Server:
        """Another server on the folder, without orders."""
        self.order(None)
        return self.server.start()

    def new_chat(self) -> str:
        """An unused chat id."""
        self._chats += 1
        return f"chat-{self._chats}"

    def _make(self) -> Server:
        self._folders += 1
        folder = self._place / str(self._folders)
        folder.mkdir()
        return Server(folder / "chats", command=(str(KILLER), str(folder / "control")))


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    if not sys.platform.startswith(("linux", "darwin")):
        pytest.skip("SIGKILL is needed")
    made = Rig(tmp_path_factory.mktemp("rig"))
    yield made
    made.server.close()
