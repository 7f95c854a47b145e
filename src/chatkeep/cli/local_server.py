"""A server inside a command, as long as that lasts. It listens on the folder's own socket and nowhere else."""

import asyncio
import contextlib
import threading
from collections.abc import Callable

import uvicorn
import uvloop
from uvicorn.server import ServerState

from chatkeep.app.routes import create_app
from chatkeep.app.service import Service
from chatkeep.cli.http_protocol import HttpProtocol
from chatkeep.cli.local_listener import listen_locally
from chatkeep.cli.socket_protocol import SocketProtocol
from chatkeep.settings import Settings
from chatkeep.storage.folder import Folder

_PATIENCE_S = 0.5  # how long a stop may take before people are told what it waits for
_LOOK_S = 0.005  # how often it is seen whether the last answers have left
_CLOSING_S = 5.0  # how long they may take


class LocalServer:
    """Owns the folder of `settings` from `start` to `stop`, in a thread of its own. Other commands may use it too."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.model_copy(update={"metrics": False, "log_requests": False, "otel": False})
        self._thread = threading.Thread(target=self._run, name="chatkeep-server", daemon=True)
        self._begun = threading.Event()
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping = asyncio.Event()
        self._hurrying = asyncio.Event()

    def start(self) -> None:
        """Return when it answers. Raises: FolderInUse, StorageFull, StorageFailed; then nothing is left of it."""
        self._thread.start()
        self._begun.wait()
        if self._error is not None:
            error, self._error = self._error, None
            self._thread.join()
            raise error

    def stop(self, tell: Callable[[str], None]) -> None:
        """Let the runs end that are going, within the usual limit, and leave the folder as a clean stop does; once.

        `tell` is called when that takes a while. Ctrl-C interrupts the runs; what they have is kept.
        Raises: ChatkeepError when the folder could not be left so.
        """
        if self._thread.ident is None:
            return
        self._begun.wait()
        self._set(self._stopping)
        try:
            self._thread.join(_PATIENCE_S)
            if self._thread.is_alive():
                tell("Waiting for replies that are still coming. Ctrl-C interrupts them; what they have is kept.")
            self._thread.join()
        except KeyboardInterrupt:
            self._set(self._hurrying)
            self._thread.join()
            raise
        if self._error is not None:
            raise self._error

    def _set(self, event: asyncio.Event) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(event.set)

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                self._loop = runner.get_loop()
                runner.run(self._serve())
        except BaseException as exc:  # noqa: BLE001 - raised again where the server was started
            self._error = exc
        finally:
            self._begun.set()

    async def _serve(self) -> None:
        built = Service(self._settings, on_demand=True)
        state = ServerState()
        try:
            await built.start()
            server = await listen_locally(Folder(self._settings.chats_dir).socket, _config(built), state, {})
            self._begun.set()
            await self._stopping.wait()
            server.close()
            for connection in list(state.connections):
                connection.shutdown()
            await self._drain(built)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CLOSING_S):
                    while state.connections or state.tasks:  # noqa: ASYNC110 - uvicorn tells nobody
                        await asyncio.sleep(_LOOK_S)
        finally:
            await built.aclose()

    async def _drain(self, built: Service) -> None:
        """Let the runs end, until somebody is in a hurry."""
        draining = asyncio.create_task(built.chat.drain(self._settings.shutdown_s), name="drain")
        hurrying = asyncio.create_task(self._hurrying.wait(), name="hurry")
        await asyncio.wait({draining, hurrying}, return_when=asyncio.FIRST_COMPLETED)
        hurrying.cancel()
        if not draining.done():
            draining.cancel()
            await built.chat.drain(0)


def _config(built: Service) -> uvicorn.Config:
    """How uvicorn's protocols work; the server around them is ours, as uvicorn's takes 0.2 s to stop."""
    return uvicorn.Config(
        create_app(built),
        http=HttpProtocol,
        ws=SocketProtocol,
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
    )
