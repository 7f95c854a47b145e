"""Run the server until a signal ends it."""

import asyncio
import contextlib
import gc
import resource
import socket
import sys
from pathlib import Path
from types import FrameType

import structlog
import uvicorn
import uvloop

from chatkeep.api.page import BuiltPage
from chatkeep.app.routes import create_app
from chatkeep.app.service import Service
from chatkeep.cli.http_protocol import HttpProtocol
from chatkeep.cli.local_listener import listen_locally
from chatkeep.cli.socket_protocol import SocketProtocol
from chatkeep.errors import ChatkeepError, StorageFailed
from chatkeep.settings import Settings, WrongSettings, doubts, read_settings
from chatkeep.storage.folder import Folder
from chatkeep.telemetry.logging import configure_logging

_log = structlog.get_logger("chatkeep.serve")

_BACKLOG = 2048  # connections the kernel holds while we are busy
_UNSENT_BYTES = 128 * 1024  # that the kernel takes of one connection before they can leave; else it is 4 MB
_CLOSING_S = 5.0  # after the runs ended, how long their last bytes may take to leave

_SOCKET_BYTES = 4096  # of one message from a client; none means anything so far
_SOCKET_PING_S = 20.0  # how soon a client that is gone without a word is noticed, at most twice this


def serve(
    *, host: str | None, port: int | None, chats_dir: Path | None, system_prompt_file: Path | None, first_key: bool
) -> None:
    """Serve with these settings before those of the environment; return after a clean stop.

    With `first_key` a folder without keys gets one, which is printed, unless anonymous use is allowed.

    Exits with 1 and a line that says why when it cannot start.
    """
    try:
        settings = read_settings(host=host, port=port, chats_dir=chats_dir, system_prompt_file=system_prompt_file)
        configure_logging(settings.log_level, as_json=settings.log_json, folder=settings.log_dir)
        for doubt in doubts(settings):
            _log.warning("setting_in_doubt", detail=doubt)
        if not BuiltPage.installed().is_built:
            _log.info("page_not_built", detail="Browsers get a page that says how to get the web page.")
        _allow_many_connections()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_serve(settings, first_key=first_key))
    except WrongSettings as exc:
        sys.exit(f"chatkeep cannot start. These settings are wrong:\n{exc}")
    except ChatkeepError as exc:
        sys.exit(f"chatkeep cannot start. {exc.detail}")


async def _serve(settings: Settings, *, first_key: bool) -> None:
    built = Service(settings)
    if first_key and (key := built.access.make_first_key()):
        print(f"The key of this server, shown this once: {key}", flush=True)  # noqa: T201
    built.access.check_reach(settings.host)
    listening = _listen(settings.host, settings.port)
    try:
        await built.start()
        # Why: what is there now stays; the collector need not look at it again and again (2 % of a turn).
        gc.freeze()
        await _Server(_config(built), built).serve(sockets=[listening])
    finally:
        # Why: a second signal makes uvicorn skip the application's own shutdown.
        await built.aclose()


def _config(built: Service) -> uvicorn.Config:
    return uvicorn.Config(
        create_app(built),
        loop="none",
        http=HttpProtocol,
        ws=SocketProtocol,
        ws_max_size=_SOCKET_BYTES,
        ws_ping_interval=_SOCKET_PING_S,
        ws_ping_timeout=_SOCKET_PING_S,
        ws_per_message_deflate=False,  # small messages; a window a socket costs more than it saves
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=bool(built.settings.trusted_proxies),
        forwarded_allow_ips=list(built.settings.trusted_proxies),
        timeout_graceful_shutdown=int(built.settings.shutdown_s + _CLOSING_S),
    )


class _Server(uvicorn.Server):
    """Says where it listens when it is ready, and begins to drain the runs with the first signal."""

    def __init__(self, config: uvicorn.Config, built: Service) -> None:
        super().__init__(config)
        self._built = built
        self._loop = asyncio.get_running_loop()
        self._draining: asyncio.Task[None] | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        try:
            own = Folder(self._built.settings.chats_dir).socket
            self.servers.append(await listen_locally(own, self.config, self.server_state, self.lifespan.state))
        except StorageFailed as exc:  # file systems without sockets, paths that are too long
            _log.warning("no_local_socket", detail=exc.detail)
        for listening in sockets or ():
            host, port = listening.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            print(f"chatkeep is ready at http://{shown}:{port}", flush=True)  # noqa: T201

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        # Why: uvicorn waits for open responses first, and those of runs end only when the runs do.
        if self._draining is None:
            self._loop.call_soon_threadsafe(self._drain)
        super().handle_exit(sig, frame)
        # Why: uvicorn raises the signals again at its end, and a stop that went well should exit with 0.
        self._captured_signals.clear()

    def _drain(self) -> None:
        grace_s = self._built.settings.shutdown_s
        self._draining = asyncio.create_task(self._built.chat.drain(grace_s), name="drain")


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises: ChatkeepError when the address is taken or not ours."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as exc:
        raise ChatkeepError(f"Cannot listen on {host} port {port}: {exc.strerror}.") from exc
    with contextlib.suppress(AttributeError, OSError):  # Linux and macOS have it; connections inherit it
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT_BYTES)
    listening.setblocking(False)
    return listening


def _allow_many_connections() -> None:
    """Every stream is a file to the kernel; the usual soft limit of 1,024 is far below the hard one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # some systems call the hard limit infinite and refuse it
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
