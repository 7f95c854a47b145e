"""Which server a command talks to: one named by its address, the one of the data folder, or one of its own."""

import rich_click as click

from chatkeep.access.keys import check_owner
from chatkeep.access.subject import OWNER_HEADER
from chatkeep.cli.address import without_password
from chatkeep.cli.client import Client
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.folder_transport import FolderTransport
from chatkeep.cli.socket_place import Found, SocketPlace
from chatkeep.cli.target import Target
from chatkeep.errors import InvalidRequest
from chatkeep.settings import Settings, WrongSettings, read_settings
from chatkeep.storage.folder import Folder


def connected(target: Target, *, makes_folder: bool = False, log_level: str = "warning") -> Client:
    """A client of the server that `target` means; use it in a `with`, at whose end nothing is left of it.

    Of a data folder it is the server that runs there. When none does, one is started inside this command with the
    first request; other commands may use it meanwhile, and start their own when it is gone. A folder that is missing
    is made with `makes_folder`, else it is an error. What that server logs from `log_level` on goes to standard error.
    Raises: CliError, click.UsageError.
    """
    settings = settings_of(target)
    if settings.url is not None and target.chats_dir is None:
        return _client_of(settings.url, target, settings)
    folder = settings.chats_dir.absolute()
    if not makes_folder and not folder.is_dir():
        raise CliError(
            ExitCode.NOT_FOUND, f"There is no data folder {folder}. Name one with --chats-dir, or a server with --url."
        )
    try:
        owner = check_owner(target.owner or "")
    except InvalidRequest as exc:
        raise click.UsageError(exc.detail) from exc
    headers = {OWNER_HEADER: owner} if owner else {}
    transport = FolderTransport(settings, log_level)
    return Client("http://localhost", name=f"the server of {folder}", headers=headers, transport=transport)


def has_server(target: Target) -> bool:
    """Whether `connected` would find a server, and start none. Raises: CliError, ChatkeepError, click.UsageError."""
    settings = settings_of(target)
    if settings.url is not None and target.chats_dir is None:
        return True
    path = Folder(settings.chats_dir).socket
    if not path.parent.is_dir():
        return False
    with SocketPlace(path) as place:
        return place.look() is Found.OPEN


def settings_of(target: Target) -> Settings:
    """The settings, under the options of `target`. Raises: CliError, click.UsageError."""
    if target.url is not None and target.chats_dir is not None:
        raise click.UsageError("--url and --chats-dir name two servers; give one.")
    try:
        return read_settings(url=target.url, api_key=target.key, chats_dir=target.chats_dir)
    except WrongSettings as exc:
        raise CliError(ExitCode.FAILED, f"These settings are wrong:\n{exc}") from exc


def _client_of(url: str, target: Target, settings: Settings) -> Client:
    shown = without_password(url)
    if target.owner is not None:
        raise click.UsageError(f"--owner is for a data folder; at {shown} the key says whose chats they are.")
    headers = {"X-API-Key": settings.api_key.get_secret_value()} if settings.api_key else {}
    return Client(url, name=shown, headers=headers)
