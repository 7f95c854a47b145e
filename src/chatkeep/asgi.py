"""The application for a server of your own: `uvicorn chatkeep.asgi:app`. One process only: the folder has one owner.

`chatkeep serve` is the same and a little more: without keys it refuses to start on an address that other machines
reach, where this application refuses each of their requests.
"""

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable
from types import FrameType

import structlog
from litestar.types import ASGIApp, Receive, Scope, Send

from chatkeep.app.routes import create_app
from chatkeep.app.service import Service
from chatkeep.errors import ChatkeepError
from chatkeep.settings import WrongSettings, doubts, read_settings
from chatkeep.telemetry.logging import configure_logging


class Draining:
    """Wraps the application: from the first signal on, runs get `CHATKEEP_SHUTDOWN_S` to end.

    Why: a server waits for open responses before it tells us that it stops, and those of runs end with their runs.
    """

    def __init__(self, app: ASGIApp, built: Service) -> None:
        self.app = app
        self._built = built
        self._draining: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the signals when the server starts us, then answer as always."""
        if str(scope["type"]) == "lifespan":
            self._watch_signals(asyncio.get_running_loop())
            try:
                await self._built.start()
            except ChatkeepError as exc:
                # Why here: the framework would answer with its traceback.
                await receive()
                await send({"type": "lifespan.startup.failed", "message": f"chatkeep cannot start. {exc.detail}"})  # type: ignore[arg-type]
                return
        await self.app(scope, receive, send)

    def _watch_signals(self, loop: asyncio.AbstractEventLoop) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            servers = signal.getsignal(number)
            if not callable(servers):  # the server does not hear it, so it ends the process, as it should
                continue

            def handle(number: int, frame: FrameType | None, servers: Callable[..., object] = servers) -> None:
                loop.call_soon_threadsafe(self._drain)
                servers(number, frame)

            with contextlib.suppress(ValueError):  # not the main thread: whoever embeds us stops us as they like
                signal.signal(number, handle)

    def _drain(self) -> None:
        if self._draining is None:
            self._draining = asyncio.create_task(self._built.chat.drain(self._built.settings.shutdown_s), name="drain")


def _made() -> ASGIApp:
    try:
        settings = read_settings()
        configure_logging(settings.log_level, as_json=settings.log_json, folder=settings.log_dir)
        for doubt in doubts(settings):
            structlog.get_logger("chatkeep.serve").warning("setting_in_doubt", detail=doubt)
        built = Service(settings)
        return Draining(create_app(built), built)
    except WrongSettings as exc:
        sys.exit(f"chatkeep cannot start. These settings are wrong:\n{exc}")
    except ChatkeepError as exc:
        sys.exit(f"chatkeep cannot start. {exc.detail}")


app = _made()
