"""`uvicorn chatkeep.asgi:app`: the same application under a server of one's own."""

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server import DEADLINE_S, Client, clean_environment, eventually, serving


@contextlib.contextmanager
def uvicorn(
    folder: Path, host: str = "127.0.0.1", **environment: str
) -> Iterator[tuple[subprocess.Popen[bytes], Client]]:
    with socket.create_server((host, 0)) as listening:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "chatkeep.asgi:app", "--fd", str(listening.fileno())],
            env=clean_environment({"CHATKEEP_CHATS_DIR": str(folder), **environment}),
            cwd=folder.parent,
            pass_fds=[listening.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        port = listening.getsockname()[1]
    client = Client(f"http://127.0.0.1:{port}")
    try:
        yield process, client
    finally:
        client.http.close()
        process.kill()
        process.wait()


def _is_ready(client: Client) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return client.http.get("/health/ready").status_code == 200
    return False


def test_it_serves_and_stops_cleanly(tmp_path: Path) -> None:
    with uvicorn(tmp_path / "chats") as (process, client):
        eventually(lambda: _is_ready(client))
        assert client.send("hi", "a").json()["response"] == "hi"

        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)

    assert (tmp_path / "chats" / "a.json").exists()


def test_a_signal_gives_open_streams_their_time_and_then_ends_them(tmp_path: Path) -> None:
    with uvicorn(tmp_path / "chats", CHATKEEP_SHUTDOWN_S="1") as (process, client):
        eventually(lambda: _is_ready(client))
        with client.stream("[[tokens 5000]] [[delay 0.05]]", "long") as stream:
            stream.until(3)
            process.send_signal(signal.SIGTERM)
            events = stream.rest()
        process.wait(DEADLINE_S)

    assert (events[-1].event, events[-1].fields["code"]) == ("failed", "run_interrupted")


def test_a_second_signal_does_not_wait_and_the_cut_reply_is_not_marked_complete(tmp_path: Path) -> None:
    with uvicorn(tmp_path / "chats") as (process, client):
        eventually(lambda: _is_ready(client))
        with client.stream("[[tokens 5000]] [[delay 0.05]]", "cut") as stream:
            stream.until(5)
            process.send_signal(signal.SIGINT)
            eventually(lambda: not _is_ready(client))
            process.send_signal(signal.SIGINT)
            process.wait(DEADLINE_S)

    with serving(tmp_path / "chats") as server:
        reply = server.stored_messages("cut")[1]
    assert reply["status"] == "interrupted"
    assert reply["content"].startswith("w0 w1 w2")


def test_a_run_that_nobody_follows_gets_its_time_too(tmp_path: Path) -> None:
    with uvicorn(tmp_path / "chats") as (process, client):
        eventually(lambda: _is_ready(client))
        client.begin("[[tokens 20]] [[delay 0.05]]", "quiet")
        process.send_signal(signal.SIGTERM)
        process.wait(DEADLINE_S)

    assert '"status": "complete"' in (tmp_path / "chats" / "quiet.json").read_text()


def test_without_keys_it_answers_only_the_machine_it_runs_on(tmp_path: Path) -> None:
    """No start can be refused here, as only the server knows where it listens."""
    with uvicorn(tmp_path / "chats", host="0.0.0.0") as (_, client):
        eventually(lambda: _is_ready(client))
        assert client.send("hi").status_code == 200
        address = _own_address()
        port = client.http.base_url.port
        response = httpx.get(f"http://{address}:{port}/chat/history", trust_env=False)

        assert (response.status_code, response.json()["code"]) == (403, "forbidden")
        assert httpx.get(f"http://{address}:{port}/health", trust_env=False).status_code == 200


def _own_address() -> str:
    """An address of this machine that others reach. No packet is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError as exc:
            pytest.skip(f"this machine has no address but its loopback one: {exc}")
        address: str = probe.getsockname()[0]
        return address


def test_wrong_settings_stop_it_with_the_same_lines(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "uvicorn", "chatkeep.asgi:app"],
        env=clean_environment({"CHATKEEP_PORT": "x"}),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_S,
    )

    assert done.returncode == 1
    assert "CHATKEEP_PORT" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_in_use_stops_it_with_one_line_and_no_traceback(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as first:
        owner = str(first.pid)
        done = subprocess.run(
            [sys.executable, "-m", "uvicorn", "chatkeep.asgi:app", "--port", "0"],
            env=clean_environment({"CHATKEEP_CHATS_DIR": str(first.folder)}),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_S,
        )

    assert done.returncode != 0
    assert owner in done.stderr
    assert "Traceback" not in done.stderr
