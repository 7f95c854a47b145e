"""Start and end the process that holds the embedded model. What runs in it: llama_child.py; when: embedded.py."""

import asyncio
import secrets
from contextlib import suppress

import msgspec
import structlog

from chatkeep.errors import ProviderFailed, ProviderTimedOut
from chatkeep.providers.child import spawn
from chatkeep.providers.llama_child import Order, Ready

START_S = 30.0  # measured: 0.4 s; a cold disk on a small machine takes some
_END_S = 2.0  # from SIGTERM to SIGKILL
_PARALLEL = 2  # requests answered at once, more wait in the child; each window costs 94 MB

_log = structlog.get_logger("chatkeep.embedded")


class LlamaProcess:
    """A process that serves the model at `url` to whoever has `api_key`."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, api_key: str, logs: asyncio.Task[None]) -> None:
        self.url = url
        self.api_key = api_key
        self._process = process
        self._logs = logs

    @classmethod
    async def start(cls, model_path: str, request_tokens: int) -> "LlamaProcess":
        """Return when it answers. If it raises, there is no process left. Raises: ProviderFailed."""
        process = await _spawn()
        logs = asyncio.create_task(_log_lines(process), name="embedded-logs")
        api_key = secrets.token_urlsafe(32)
        try:
            url = await _ready_url(process, Order(model_path, api_key, request_tokens, _PARALLEL))
        except BaseException:
            await _end(process, logs)
            raise
        return cls(process, url, api_key, logs)

    @property
    def pid(self) -> int:
        """Its process id, also after its end."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """False from when its end was noticed."""
        return self._process.returncode is None

    async def ends_within(self, limit_s: float) -> bool:
        """Whether it has ended, or does so in that time. Race: its connections break before its end is noticed."""
        try:
            async with asyncio.timeout(limit_s):
                await self._process.wait()
        except TimeoutError:
            return False
        return True

    async def stop(self) -> None:
        """End it. After return it is gone."""
        await _end(self._process, self._logs)


async def _spawn() -> asyncio.subprocess.Process:
    try:
        return await spawn("chatkeep.providers.llama_child")
    except OSError as exc:
        raise ProviderFailed(f"The embedded model's process cannot be started: {exc}") from exc


async def _ready_url(process: asyncio.subprocess.Process, order: Order) -> str:
    assert process.stdin
    assert process.stdout
    try:
        async with asyncio.timeout(START_S):
            process.stdin.write(msgspec.json.encode(order) + b"\n")
            await process.stdin.drain()
            return msgspec.json.decode(await process.stdout.readline(), type=Ready).url
    except TimeoutError as exc:
        raise ProviderTimedOut(f"The embedded model was not ready within {START_S:g} s.") from exc
    except (OSError, ValueError, msgspec.MsgspecError) as exc:
        raise ProviderFailed("The embedded model's process ended before it was ready; its log says why.") from exc


async def _log_lines(process: asyncio.subprocess.Process) -> None:
    """Keep its standard error flowing: a full pipe would stop it."""
    assert process.stderr
    while text := await process.stderr.read(4096):
        _log.debug("embedded_model_says", text=text.decode(errors="replace").rstrip())


async def _end(process: asyncio.subprocess.Process, logs: asyncio.Task[None]) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_END_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    await logs
