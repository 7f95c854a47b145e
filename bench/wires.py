"""What a streamed token costs in each wire format, through one server, as a ratio to OpenAI's."""

from pathlib import Path

from bench.child import Child, chatkeep
from bench.client import post
from bench.folders import make_folder
from bench.report import Figure
from bench.sizes import Sizes
from bench.streams import MESSAGE, measure, tokens_of

_OPENAI = "vllm"  # the name under which the bench's server knows the upstream as a service of that format
_OTHERS = ("ollama", "anthropic", "gemini")


async def formats(sizes: Sizes, root: Path, upstream: Child) -> list[Figure]:
    """CPU of a token in each format; the rounds of the formats take turns, so that all see the same machine."""
    model = f"paced-{tokens_of(sizes)}-{sizes.rate}"
    environment = {
        "OLLAMA_HOST": upstream.url,
        "OLLAMA_MODEL": model,
        "ANTHROPIC_BASE_URL": upstream.url,
        "ANTHROPIC_API_KEY": "bench",
        "ANTHROPIC_MODEL": model,
        "GEMINI_BASE_URL": upstream.url,
        "GEMINI_API_KEY": "bench",
        "GEMINI_MODEL": model,
    }
    cpu_us: dict[str, list[float]] = {name: [] for name in (_OPENAI, *_OTHERS)}
    async with chatkeep(make_folder(root, "formats", 0), upstream.url, model, environment) as server:
        for _ in range(sizes.rounds):
            for name, values in cpu_us.items():
                request = post(server.url, "/chat", {"message": MESSAGE, "stream": True, "provider": name})
                values.append((await measure(server, request, sizes))[0])
    what = f"streamed token, {sizes.streams} streams at {sizes.rate} tokens/s, CPU"
    figures = [Figure(f"{what}, openai", "µs", cpu_us[_OPENAI])]
    for name in _OTHERS:
        figures.append(Figure(f"{what}, {name}", "µs", cpu_us[name]))
        ratios = [other / ours for other, ours in zip(cpu_us[name], cpu_us[_OPENAI], strict=True)]
        figures.append(Figure("  … through openai's", "", ratios, "at most 1.3"))
    return figures
