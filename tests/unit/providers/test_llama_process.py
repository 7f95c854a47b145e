"""What the embedded model's process is given, with a stand-in for llama.cpp: also where the model is not installed."""

import json
import os
from pathlib import Path

import pytest

from chatkeep.chat.ports import ChatMessage, ProviderRequest
from chatkeep.errors import ModelNotFound
from chatkeep.providers.embedded import EmbeddedProvider
from chatkeep.providers.llama_process import LlamaProcess

pytestmark = pytest.mark.anyio

STAND_IN = """
import json, os, pathlib, sys, types

class CommonParams:
    def __init__(self):
        self.model = types.SimpleNamespace()

class Server:
    listening_address = "http://127.0.0.1:9"

    def __init__(self, params):
        seen = {"environment": dict(os.environ), "command": sys.orig_argv, "path": params.model.path}
        pathlib.Path(__file__).with_name("seen.json").write_text(json.dumps(seen))
"""
NEEDED = {"PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT", "LANG", "LC_ALL", "LC_CTYPE"}
SECRETS = ("OPENAI_API_KEY", "CHATKEEP_API_KEY", "ACME_TOKEN", "AWS_SECRET_ACCESS_KEY", "DATABASE_URL", "HOME")


async def test_rule_17_its_process_sees_no_secret_and_is_told_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xllamacpp.py").write_text(STAND_IN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    for name in SECRETS:
        monkeypatch.setenv(name, "canary")

    process = await LlamaProcess.start("/models/the-one.gguf", 2048)
    await process.stop()

    seen = json.loads((tmp_path / "seen.json").read_bytes())
    assert seen["environment"].keys() <= NEEDED
    assert seen["path"] == "/models/the-one.gguf"
    shown = json.dumps([seen["environment"], seen["command"]])
    assert "canary" not in shown
    assert process.api_key not in shown
    assert os.environ["HOME"] == "canary"  # it was there to be passed on


@pytest.mark.parametrize("model", ["../evil.gguf", "/tmp/evil.gguf", "https://evil.example/m.gguf", ""])
async def test_rule_17_no_request_names_a_file_to_load(model: str) -> None:
    embedded = EmbeddedProvider(idle_s=900)

    with pytest.raises(ModelNotFound):
        await anext(embedded.stream(ProviderRequest(model, [ChatMessage("user", "hi")])))

    assert embedded.pid is None
    await embedded.aclose()
