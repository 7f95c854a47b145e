"""The OpenAI-compatible services that need no address in the settings, as data. Which are configured: registry.py.

A default model is used when the service still lists it; the windows are those of the default
model's family, for services that do not tell them in their list.
"""

import msgspec

from chatkeep.providers.openai_wire import USUAL, Quirks


class KnownService(msgspec.Struct, frozen=True):
    """One service. One that needs no key is there when any of its variables is set."""

    name: str
    base_url: str
    needs_key: bool = True
    default_model: str | None = None
    context_tokens: int | None = None
    quirks: Quirks = USUAL

    @property
    def how_to_configure(self) -> str:
        """The variable that makes it usable."""
        return f"{self.name.upper()}_{'API_KEY' if self.needs_key else 'BASE_URL'}"


_OPENAI = Quirks(max_tokens_field="max_completion_tokens")  # its reasoning models refuse max_tokens

_ROWS = (
    KnownService("openai", "https://api.openai.com/v1", True, "gpt-4o-mini", 128_000, _OPENAI),
    KnownService("groq", "https://api.groq.com/openai/v1", True, "llama-3.3-70b-versatile", 131_072),
    KnownService("mistral", "https://api.mistral.ai/v1", True, "mistral-small-latest", 128_000),
    KnownService("deepseek", "https://api.deepseek.com/v1", True, "deepseek-chat", 64_000),
    KnownService("openrouter", "https://openrouter.ai/api/v1", True, "openrouter/auto"),
    KnownService("together", "https://api.together.xyz/v1", True, "meta-llama/Llama-3.3-70B-Instruct-Turbo"),
    KnownService("xai", "https://api.x.ai/v1", True, "grok-3-mini", 131_072),
    KnownService(
        "gemini", "https://generativelanguage.googleapis.com/v1beta/openai", True, "gemini-2.5-flash", 1_048_576
    ),
    KnownService("vllm", "http://127.0.0.1:8000/v1", needs_key=False),
    KnownService("llamacpp", "http://127.0.0.1:8080/v1", needs_key=False),
    KnownService("lmstudio", "http://127.0.0.1:1234/v1", needs_key=False),
)

KNOWN = {row.name: row for row in _ROWS}
