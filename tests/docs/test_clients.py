"""The client that docs/clients.md shows, through what it says it survives."""

import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from tests.server import DEADLINE_S, Server, clean_environment, eventually, serving

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"


def _client(folder: Path, message: str, url: str) -> subprocess.Popen[str]:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    path = folder / "client.py"
    path.write_text(program)
    return subprocess.Popen(
        [sys.executable, str(path), message, url],
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def _port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return str(taken.getsockname()[1])


def _is_followed(server: Server) -> bool:
    return any(row["active_run"] for row in server.client.chats().values())


def test_the_python_client_says_the_reply_once(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server:
        said, _ = _client(tmp_path, "one two three", server.base_url).communicate(timeout=DEADLINE_S)

    assert said == "one two three\n[completed]\n"


def test_the_python_client_passes_over_events_that_it_does_not_know(tmp_path: Path) -> None:
    away = {"ACME_BASE_URL": "http://127.0.0.1:9", "ACME_API_KEY": "k", "ACME_MODEL": "m", "CHATKEEP_PROVIDER": "acme"}
    with serving(tmp_path / "chats", environment={**away, "CHATKEEP_FALLBACKS": "echo"}) as server:
        said, _ = _client(tmp_path, "one two three", server.base_url).communicate(timeout=DEADLINE_S)
        run_id = server.stored_messages(next(iter(server.client.chats())))[1]["run_id"]
        assert "retry" in [event.event for event in server.client.follow(run_id)]

    assert said == "one two three\n[completed]\n"


def test_the_python_client_gets_through_a_kill_without_a_gap_or_a_double(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", options=("--port", _port())) as server:
        client = _client(tmp_path, "[[tokens 2000]] [[delay 0.02]]", server.base_url)
        eventually(lambda: _is_followed(server))
        run_id = next(row["active_run"] for row in server.client.chats().values())
        eventually(lambda: server.client.run(run_id)["event_count"] > 20)
        server.signal(signal.SIGKILL)
        server.wait()
        server.start()
        said, _ = client.communicate(timeout=DEADLINE_S)
        chat_id = server.client.run(run_id)["chat_id"]
        stored = server.stored_messages(chat_id)

    text, _, ending = said.partition("\n")
    assert text == stored[1]["content"]
    assert ending.startswith("[interrupted: ")
    assert stored[1]["content"].split() == [f"w{number}" for number in range(len(stored[1]["content"].split()))]
    assert len(stored) == 2


def test_the_python_client_waits_for_a_server_that_is_not_there_yet(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", start=False, options=("--port", (port := _port()))) as server:
        client = _client(tmp_path, "patience", f"http://127.0.0.1:{port}")
        server.start()
        said, _ = client.communicate(timeout=DEADLINE_S)

    assert said == "patience\n[completed]\n"


def test_the_python_client_does_not_try_for_ever_what_cannot_work(tmp_path: Path) -> None:
    environment = {"CHATKEEP_ECHO": "false", "CHATKEEP_PROVIDER": ""}
    with serving(tmp_path / "chats", environment=environment) as server:
        client = _client(tmp_path, "hello", server.base_url)
        client.communicate(timeout=DEADLINE_S)

    assert client.returncode == 1
