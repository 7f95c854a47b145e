"""Call functions of which it is not known whether they block. Whose they are: foreign.py."""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

MOST = 32  # of one plug-in at a time: one that hangs for ever must not fill the memory with threads


class Threads:
    """Runs what may block in threads of its own, at most `most` at a time; further calls wait.

    Why not asyncio.to_thread: chats are read and written there, the server's stop waits for it, and a thread that
    hangs would take its place for ever. These threads nobody waits for: a caller that leaves leaves them behind.
    """

    def __init__(self, name: str, most: int = MOST) -> None:
        self._name = name
        self._free = asyncio.Semaphore(most)

    async def call(self, function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
        """What `function` gives: awaited when it is async; else from a thread, and awaited if that is awaitable.

        Raises: what it raises; RuntimeError in place of what would end a thread or the process.
        """
        if inspect.iscoroutinefunction(function):
            return await function(*arguments, **named)
        await self._free.acquire()
        given = await self._in_thread(lambda: function(*arguments, **named))
        return await given if inspect.isawaitable(given) else given

    def _in_thread(self, function: Callable[[], Any]) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        context = contextvars.copy_context()

        def end(given: Any, error: BaseException | None) -> None:
            self._free.release()
            if future.done():  # the caller has left
                return
            if error is None:
                future.set_result(given)
            else:
                future.set_exception(error)

        def run() -> None:
            given, error = None, None
            try:
                given = context.run(function)
            except BaseException as exc:  # noqa: BLE001 - foreign code may raise SystemExit, too
                error = exc if isinstance(exc, Exception) and not isinstance(exc, StopIteration) else _harmless(exc)
            with suppress(RuntimeError):  # the loop is closed: the server has stopped
                loop.call_soon_threadsafe(end, given, error)

        try:
            threading.Thread(target=run, name=self._name, daemon=True).start()
        except RuntimeError:  # the system gives no more of them
            self._free.release()
            raise
        return future


def _harmless(error: BaseException) -> RuntimeError:
    return RuntimeError(f"{type(error).__name__}: {error}")
