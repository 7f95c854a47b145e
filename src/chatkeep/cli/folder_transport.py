"""The way to the server of a data folder: its own socket, or else a server inside this command."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Protocol

import httpx

from chatkeep.cli.client import LIMITS
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.printing import say
from chatkeep.cli.socket_place import Found, SocketPlace
from chatkeep.errors import ChatkeepError, FolderInUse
from chatkeep.settings import Settings
from chatkeep.storage.folder import Folder

_STARTING_S = 30.0  # how long a server may take from its start until it answers
_STOPPING_S = 15.0  # and how long to stop, besides the time that its runs get to end
_AT_LEAST_S = 1.0  # a server that is about to let go of the folder has no socket any more
_AGAIN_S = 0.5  # how often it is tried to own the folder
_LOOK_S = 0.02
_TELL_S = 1.0  # how long a command waits before it says for what


class Running(Protocol):
    """A server inside this command."""

    def stop(self, tell: Callable[[str], None]) -> None:
        """Raises: ChatkeepError."""
        ...


class FolderTransport(httpx.BaseTransport):
    """Looks for the server of `settings.chats_dir` with the first request, and again whenever it is gone.

    A server that is started here logs from `log_level` on. Close it at the end. Raises: CliError from a request when no
    server can be reached.
    """

    def __init__(self, settings: Settings, log_level: str) -> None:
        self._settings = settings
        self._log_level = "error" if settings.log_level == "error" else log_level
        self._folder = Folder(settings.chats_dir)
        self._reaching = threading.Lock()
        self._place: SocketPlace | None = None
        self._line: httpx.HTTPTransport | None = None
        self._own: Running | None = None
        self._told = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send it on. Raises: CliError, httpx.TransportError."""
        line = self._line or self._reach(None)
        until = time.monotonic() + _STARTING_S
        while True:
            try:
                return line.handle_request(request)
            except httpx.ConnectError:
                # Nothing was sent yet. Race: commands that begin at once share servers that stop one after the other.
                if time.monotonic() > until:
                    raise
                line = self._reach(line)

    def close(self) -> None:
        """Close every connection, and stop the server that was started for them. Raises: CliError."""
        self._forget_line()
        if self._own is not None:
            own, self._own = self._own, None
            try:
                own.stop(say)
            except ChatkeepError as exc:
                raise CliError(ExitCode.FAILED, exc.detail) from exc

    def _reach(self, lost: httpx.HTTPTransport | None) -> httpx.HTTPTransport:
        """A way to a server, unless another thread has found one since `lost` was. Raises: CliError."""
        with self._reaching:
            if self._line is None or self._line is lost:
                self._forget_line()
                try:
                    self._find()
                except ChatkeepError as exc:
                    raise CliError(ExitCode.UNREACHABLE, exc.detail) from exc
                self._place = SocketPlace(self._folder.socket)
                self._line = httpx.HTTPTransport(uds=self._place.address, limits=LIMITS)
            return self._line

    def _forget_line(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
        if self._place is not None:
            self._place.close()
            self._place = None

    def _find(self) -> None:
        """Return when a server answers. Raises: CliError, ChatkeepError."""
        began = time.monotonic()
        while self._look() is not Found.OPEN:
            try:
                self._start_own()
            except FolderInUse as exc:
                self._wait_for_owner(exc.detail, time.monotonic() - began)

    def _look(self) -> Found:
        if not self._folder.own.is_dir():
            return Found.GONE
        with SocketPlace(self._folder.socket) as place:
            found = place.look()
        if found is Found.DENIED:
            raise CliError(ExitCode.UNREACHABLE, f"The socket {self._folder.socket} is another user's.")
        return found

    def _start_own(self) -> None:
        """Own the folder and serve it. Raises: ChatkeepError, among them FolderInUse."""
        # Why here: the server's packages take half a second to import, and most often one is running.
        from chatkeep.cli.local_server import LocalServer  # noqa: PLC0415
        from chatkeep.telemetry.logging import configure_logging  # noqa: PLC0415

        configure_logging(self._log_level, as_json=bool(self._settings.log_json))
        self._own = LocalServer(self._settings)
        self._own.start()

    def _wait_for_owner(self, who: str, waited_s: float) -> None:
        """Let who owns the folder get so far that it answers or lets go. Raises: CliError when it will do neither."""
        if waited_s > self._limit_s():
            raise CliError(
                ExitCode.UNREACHABLE,
                f"{who} It does not listen on {self._folder.socket}, as `chatkeep serve` does. Name its address with"
                " --url.",
            )
        if waited_s > _TELL_S and not self._told:
            self._told = True
            say(f"{who} Waiting for it.")
        until = time.monotonic() + _AGAIN_S
        while time.monotonic() < until and self._look() is not Found.OPEN:
            time.sleep(_LOOK_S)

    def _limit_s(self) -> float:
        """How long the owner may be waited for: one that just began may be starting, one that is deaf is stopping."""
        if self._look() is Found.DEAF:
            return self._settings.shutdown_s + _STOPPING_S
        with contextlib.suppress(OSError):
            age_s = time.time() - self._folder.lock.stat().st_mtime
            return _STARTING_S if age_s < _STARTING_S else _AT_LEAST_S
        return _AT_LEAST_S
