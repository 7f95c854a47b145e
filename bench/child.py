"""Child processes, and what they cost: CPU seconds of all threads, resident memory."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from bench import upstream

SERVE = [sys.executable, "-m", "chatkeep", "serve"]
_READY = "chatkeep is ready at "
_START_S = 120.0  # a first start reads every chat in the folder
_STOP_S = 60.0
_OURS = ("_API_KEY", "_BASE_URL", "_MODEL")


class Child:
    """A server in a process of its own. `url` is where it listens; starting took `started_s` seconds."""

    def __init__(self, process: asyncio.subprocess.Process, url: str, started_s: float) -> None:
        self._process = process
        self.url = url
        self.started_s = started_s

    @classmethod
    async def spawn(
        cls,
        command: Sequence[str],
        ready: str,
        *,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        log: Path | None = None,
    ) -> Self:
        """Start `command` and return when it has printed `ready` with its address. `log` takes its standard error."""
        began = time.perf_counter()
        with contextlib.ExitStack() as files:
            process = await asyncio.create_subprocess_exec(
                *command,
                stdout=asyncio.subprocess.PIPE,
                stderr=files.enter_context(log.open("wb")) if log else None,
                cwd=cwd,
                env=env,
            )
        assert process.stdout is not None
        async with asyncio.timeout(_START_S):
            line = (await process.stdout.readline()).decode()
        if not line.startswith(ready):
            raise RuntimeError(f"{' '.join(command)} did not start: {line!r}")
        return cls(process, line.removeprefix(ready).strip(), time.perf_counter() - began)

    def cpu_s(self) -> float:
        """CPU seconds used until now, user and system, by all threads, those that ended included."""
        # Why not /proc/<pid>/stat: it counts in ticks of 10 ms. This is clock_getcpuclockid(3) of Linux.
        return time.clock_gettime_ns((~self._process.pid << 3) | 2) / 1e9

    def kernel_s(self) -> float:
        """Seconds of `cpu_s` that the kernel took, in ticks of 10 ms: files, fsync, sockets, waking threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[12]) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident memory in megabytes of 1,000,000 bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6

    async def stop(self) -> None:
        """End it as a service manager does, and wait for that."""
        with contextlib.suppress(ProcessLookupError):
            self._process.terminate()
        async with asyncio.timeout(_STOP_S):
            await self._process.wait()

    async def kill(self) -> None:
        """End it at once, and wait for that."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()


@contextlib.asynccontextmanager
async def fast_upstream() -> AsyncIterator[Child]:
    """The bench's own provider."""
    child = await Child.spawn([sys.executable, "-m", "bench.upstream"], upstream.READY)
    try:
        yield child
    finally:
        await child.kill()


async def start_chatkeep(
    folder: Path, upstream_url: str, model: str, environment: Mapping[str, str] | None = None
) -> Child:
    """A real server on the chats in `folder`, whose provider is the upstream with that model.

    With an `environment` beyond the bench's, what it logs goes to a file beside the folder.
    """
    command = [*SERVE, "--port", "0", "--chats-dir", str(folder)]
    env = _environment(upstream_url, model) | dict(environment or {})
    log = folder.with_name("server.log") if environment else None
    return await Child.spawn(command, _READY, cwd=folder.parent, env=env, log=log)


@contextlib.asynccontextmanager
async def chatkeep(
    folder: Path, upstream_url: str, model: str, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Child]:
    """As `start_chatkeep`, stopped in the end."""
    child = await start_chatkeep(folder, upstream_url, model, environment)
    try:
        yield child
    finally:
        await child.stop()


def _environment(upstream_url: str, model: str) -> dict[str, str]:
    """This process's environment without anything that configures chatkeep, and then the bench's configuration."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CHATKEEP_", "OLLAMA_", "LOG_", "RATE_LIMIT_")) and not name.endswith(_OURS)
    }
    return kept | {
        "VLLM_BASE_URL": f"{upstream_url}/v1",
        "VLLM_MODEL": model,
        "CHATKEEP_PROVIDER": "vllm",
        "CHATKEEP_EMBEDDED": "false",
        "CHATKEEP_LOG_LEVEL": "warning",
        "CHATKEEP_RATE_LIMIT_ENABLED": "false",
    }
