"""The server of a command as several owners of its data folder, for commands that look at all of them."""

from contextlib import ExitStack
from pathlib import Path
from typing import Self

from chatkeep.access.keys import check_owner
from chatkeep.api.login import WhoAnswer
from chatkeep.cli.client import Client
from chatkeep.cli.connection import connected, settings_of
from chatkeep.cli.target import Target
from chatkeep.errors import InvalidRequest
from chatkeep.storage.folder import Folder

_OLDER_INDEX = "index.json"  # the older format kept a list of its own under this name


class OwnedClients:
    """Clients of the server that `target` means, by owner. Use it in a `with`.

    A server elsewhere, and a target that names an owner, have one owner alone.
    """

    def __init__(self, target: Target, *, makes_folder: bool = False) -> None:
        self._target = target
        self._makes_folder = makes_folder
        self._stack = ExitStack()
        self._clients: dict[str, Client] = {}
        self._only: str | None = None

    def __enter__(self) -> Self:
        settings = settings_of(self._target)
        if settings.url is not None and self._target.chats_dir is None:
            client = self._stack.enter_context(connected(self._target))
            self._only = client.get("/login", WhoAnswer).owner
            self._clients[self._only] = client
        else:
            self._only = self._target.owner
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stack.close()

    @property
    def own(self) -> str:
        """Whose chats those are of which nothing says it."""
        return self._only or ""

    def owners(self) -> list[str]:
        """Every owner that has chats, the folder's own first."""
        if self._only is not None:
            return [self._only]
        folder = Folder(settings_of(self._target).chats_dir)
        with connected(self._target, makes_folder=self._makes_folder):  # says so when there is no such folder
            return [owner for owner in folder.owners() if _may_own(owner)]

    def files(self, owner: str) -> list[Path]:
        """The files in the owner's folder that may be chats; empty for a server elsewhere."""
        settings = settings_of(self._target)
        if settings.url is not None and self._target.chats_dir is None:
            return []
        folder = Folder(settings.chats_dir).of_owner(owner)
        found = sorted(folder.glob("*.json"))
        return [path for path in found if not path.name.startswith(".") and path.name != _OLDER_INDEX]

    def has(self, owner: str) -> bool:
        """Whether chats of that owner can be reached."""
        return _may_own(owner) and self._only in (None, owner)

    def of(self, owner: str) -> Client:
        """The server as that owner. Raises: CliError."""
        if owner not in self._clients:
            target = self._target._replace(owner=owner)
            self._clients[owner] = self._stack.enter_context(connected(target, makes_folder=self._makes_folder))
        return self._clients[owner]


def _may_own(owner: str) -> bool:
    try:
        check_owner(owner)
    except InvalidRequest:
        return False
    return True
