"""The package that docs/providers.md shows, installed by pip as it stands there."""

import re
import subprocess
import sys
from pathlib import Path

from tests.server import clean_environment, eventually, serving

PAGE = Path(__file__).parents[2] / "docs" / "providers.md"
MOST_LINES = 10


def shown(kind: str) -> str:
    """The one block of that kind."""
    (block,) = re.findall(rf"```{kind}\n(.*?)```", PAGE.read_text(), re.DOTALL)
    return str(block)


def test_the_package_that_the_page_shows_is_a_provider_once_pip_has_installed_it(tmp_path: Path) -> None:
    source, installed = tmp_path / "source", tmp_path / "installed"
    source.mkdir()
    (source / "chatkeep_shout.py").write_text(shown("python"))
    (source / "pyproject.toml").write_text(shown("toml"))
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index"]
    subprocess.run(
        [*pip, "--no-deps", "--no-build-isolation", "--target", str(installed), str(source)],
        env=clean_environment({}),
        check=True,
        timeout=100,
    )

    with serving(tmp_path / "chats", environment={"PYTHONPATH": str(installed)}) as server:
        http = server.client.http
        answer = server.client.send("can you hear me?", "a", provider="shout").json()
        listed = eventually(lambda: http.get("/api/llm/models", params={"provider": "shout"}).json()["models"])
        states = http.get("/health").json()["providers"]

    assert (answer["response"], answer["provider"], answer["model"]) == ("CAN YOU HEAR ME?", "shout", "loud")
    assert [(row["id"], row["context_tokens"]) for row in listed] == [("shout/loud", 8192)]
    assert states["shout"] == "HEALTHY"


def test_it_is_as_short_as_it_is_meant_to_be() -> None:
    assert len(shown("python").splitlines()) <= MOST_LINES
