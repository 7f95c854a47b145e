"""The services that need no address in the settings, as data. Which are configured: build.py.

A default model is used when the service still lists it; a window is that of the default model's family, for
models of which neither the service nor its price list (prices.py) tells one.
"""

from typing import Literal

import msgspec

from chatkeep.providers.openai_wire import USUAL, Quirks


class KnownService(msgspec.Struct, frozen=True):
    """One service. One that needs no key is there when any of its variables is set."""

    name: str
    base_url: str
    needs_key: bool = True
    default_model: str | None = None
    context_tokens: int | None = None
    quirks: Quirks = USUAL  # of those that speak OpenAI's format
    format: Literal["openai", "anthropic", "gemini"] = "openai"

    @property
    def how_to_configure(self) -> str:
        """The variable that makes it usable."""
        return f"{self.name.upper()}_{'API_KEY' if self.needs_key else 'BASE_URL'}"


_OPENAI = Quirks(max_tokens_field="max_completion_tokens")  # its reasoning models refuse max_tokens
_GOES_ON = Quirks(prefill="plain")  # Groq's docs, "Assistant Message Prefilling"; llama.cpp, tools/server/README.md
_MISTRAL = Quirks(prefill="prefix")
_VLLM = Quirks(prefill="continue_final_message")

_ROWS = (
    KnownService("openai", "https://api.openai.com/v1", True, "gpt-4o-mini", quirks=_OPENAI),
    KnownService("groq", "https://api.groq.com/openai/v1", True, "llama-3.3-70b-versatile", 131_072, _GOES_ON),
    KnownService("mistral", "https://api.mistral.ai/v1", True, "mistral-small-latest", 128_000, _MISTRAL),
    KnownService("deepseek", "https://api.deepseek.com/v1", True, "deepseek-chat"),
    KnownService("openrouter", "https://openrouter.ai/api/v1", True, "openrouter/auto"),
    KnownService("together", "https://api.together.xyz/v1", True, "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    KnownService("xai", "https://api.x.ai/v1", True, "grok-3-mini"),
    KnownService("anthropic", "https://api.anthropic.com", True, "claude-haiku-5-5", format="anthropic"),
    KnownService("gemini", "https://generativelanguage.googleapis.com", True, "gemini-3.8-flash", format="gemini"),
    KnownService("vllm", "http://127.0.0.1:8000/v1", needs_key=False, quirks=_VLLM),
    KnownService("llamacpp", "http://127.0.0.1:8080/v1", needs_key=False, quirks=_GOES_ON),
    KnownService("lmstudio", "http://127.0.0.1:1234/v1", needs_key=False, quirks=_GOES_ON),
)

KNOWN = {row.name: row for row in _ROWS}
