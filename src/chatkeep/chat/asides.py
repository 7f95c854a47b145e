"""Ask a model for a purpose of the server's own: in no chat, history or list of runs, and counted all the same."""

import asyncio
import math
from collections.abc import Callable

from chatkeep.chat.calls import Calls
from chatkeep.chat.context import estimate_tokens
from chatkeep.chat.guard import Limits
from chatkeep.chat.ports import ChatMessage, ProviderRequest, Providers
from chatkeep.chat.run import Run
from chatkeep.chat.unstored import GenerateRequest, unstored_run


class Asides:
    """Calls providers under the limits, each once. `asked` is told of each call that gave something."""

    def __init__(self, providers: Providers, limits: Limits, asked: Callable[[Run], None]) -> None:
        self._providers = providers
        self._calls = Calls(providers, limits)
        self._asked = asked

    async def ask(self, name: str, model: str, prompt: str, *, max_tokens: int, within_s: float) -> str:
        """What `model` of the provider `name` answers to `prompt` alone.

        Raises: ChatkeepError when it cannot be asked or fails; TimeoutError when it takes longer than `within_s`, which
        is not counted against its provider: the limits are.
        """
        provider = self._providers.get(name)
        run = unstored_run("", GenerateRequest(prompt, max_tokens=max_tokens), name, model)
        run.reply.prompt_tokens = estimate_tokens(prompt)
        request = ProviderRequest(model, [ChatMessage("user", prompt)], max_tokens=max_tokens)
        try:
            async with asyncio.timeout(within_s):
                await self._calls.call(run, provider, request, math.inf, lambda _run, _event: None)
        finally:
            if not run.reply.is_empty:
                run.reply.cost_usd = self._providers.cost_usd(name, model, run.reply.count())
                run.reply.close()
                self._asked(run)
        return run.reply.text
