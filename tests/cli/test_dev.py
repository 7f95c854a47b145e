"""What `make dev` runs: the server begins again at every change of the code."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server import DEADLINE_S, Client, clean_environment, eventually

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A copy of the code, to be changed."""
    copy = tmp_path / "src"
    shutil.copytree(ROOT / "src", copy, ignore=shutil.ignore_patterns("__pycache__"))
    return copy


@contextlib.contextmanager
def developing(source: Path) -> Iterator[Client]:
    """The command of the Makefile on `source`."""
    log = source.with_name("dev.log")
    command = _command().replace("$(ARGS)", "--port 0").replace("--reload-dir src", f"--reload-dir {source}")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", *command.split()],
            env=clean_environment({"PYTHONPATH": str(source), "CHATKEEP_SHUTDOWN_S": "0"}),
            cwd=source.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
            start_new_session=True,
        )
    try:
        found = eventually(lambda: re.findall(r"running on (http://127\.0\.0\.1:\d+)", log.read_text()))
        client = Client(found[0])
        with contextlib.closing(client.http):
            yield client
    except BaseException as exc:
        exc.add_note(log.read_text())
        raise
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(DEADLINE_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _command() -> str:
    """`uvicorn …` as the Makefile has it."""
    found = re.search(r"^dev:.*\n\t.*\$\(BIN\)/(uvicorn .*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert found
    return found[1]


def _version(client: Client) -> str | None:
    with contextlib.suppress(httpx.TransportError):
        version: str = client.http.get("/health").json()["version"]
        return version
    return None


def test_a_change_of_the_code_is_served_by_itself_also_while_a_stream_is_open(source: Path) -> None:
    with developing(source) as client:
        eventually(lambda: _version(client))
        assert client.send("hi", "kept").status_code == 200
        with client.stream("[[tokens 5000]] [[delay 0.05]]", "going") as stream:
            stream.until(3)

            (source / "chatkeep" / "__init__.py").write_text('"""Changed."""\n\n__version__ = "9.9.9"\n')

            events = stream.rest()
            eventually(lambda: _version(client) == "9.9.9")

        assert (events[-1].event, events[-1].fields["code"]) == ("failed", "run_interrupted")
        assert client.history("kept")["history"]["title"] == "hi"
