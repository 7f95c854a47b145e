"""A key that is revoked while its requests are open: none of them outlives it for long, whatever its client does."""

import json
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from chatkeep.api.open_connections import MOST
from tests.server import DEADLINE_S, Client, Server, eventually, serving

_LONG = "[[tokens 5000]] [[delay 0.05]]"


class Revocable(NamedTuple):
    """A server where alice has two keys: one to revoke, one to look with."""

    server: Server
    key: str
    alice: Client
    phone: Client

    def revoke(self) -> None:
        """Take away the key of `alice`."""
        assert self.server.keys("revoke", "alice").returncode == 0

    def request(self, method: str, path: str, body: object = None) -> "closing[socket.socket]":
        """A connection on which this was asked with the key, and that takes next to nothing."""
        url = httpx.URL(self.server.base_url)
        content = json.dumps(body).encode() if body is not None else b""
        made = socket.socket()
        made.settimeout(DEADLINE_S)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        made.connect((url.host, url.port))
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {url.host}\r\nX-API-Key: {self.key}\r\nContent-Length: {len(content)}"
        )
        made.sendall(head.encode() + b"\r\n\r\n" + content)
        return closing(made)


@pytest.fixture
def revocable(tmp_path: Path) -> Iterator[Revocable]:
    with serving(tmp_path / "chats", start=False, environment={"CHATKEEP_LOOP_GUARD": "false"}) as server:
        key, other = server.add_key("alice"), server.add_key("phone", "--owner", "alice")
        server.start()
        yield Revocable(server, key, server.client_of(key), server.client_of(other))


def test_streams_that_nobody_reads_hold_little_and_are_gone_after_a_revocation(revocable: Revocable) -> None:
    pid = revocable.server.pid
    run_id = revocable.alice.begin("[[tokens 120000]]")
    eventually(lambda: revocable.phone.run(run_id)["state"] == "completed")
    files, memory = _files(pid), _memory_kib(pid)
    with ExitStack() as opened:
        for _ in range(40):
            opened.enter_context(revocable.request("GET", f"/runs/{run_id}/events"))
        eventually(lambda: "chatkeep_open_streams 40.0" in revocable.phone.http.get("/metrics").text)
        assert _memory_kib(pid) - memory < 40 * 512

        revocable.revoke()

        eventually(lambda: _files(pid) <= files)
    assert "Traceback" not in revocable.server.log


@pytest.mark.parametrize("stream_format", ["text", "openai", "sse"])
def test_a_stream_of_a_revoked_key_ends_without_its_proper_end(revocable: Revocable, stream_format: str) -> None:
    received = b""
    with revocable.alice.http.stream(
        "POST", f"/stream?stream_format={stream_format}", json={"prompt": _LONG}
    ) as response:
        pieces = response.iter_raw()
        received += next(pieces)
        revocable.revoke()
        with pytest.raises(httpx.RemoteProtocolError):
            received += b"".join(pieces)

    assert b"w0" in received or b"start" in received or b"role" in received


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/chat", {"message": _LONG}),
        ("/api/llm/generate", {"prompt": _LONG}),
        ("/stream", {"prompt": "[[hang 0]] nothing comes"}),
    ],
)
def test_a_request_that_waits_for_a_reply_is_answered_with_401(
    revocable: Revocable, path: str, body: dict[str, Any]
) -> None:
    with revocable.request("POST", path, body) as waiting:
        eventually(lambda: [run["state"] for run in revocable.phone.http.get("/runs").json()["runs"]] == ["running"])
        revocable.revoke()
        answer = waiting.recv(4096)

    assert answer.startswith(b"HTTP/1.1 401")
    (run,) = revocable.phone.http.get("/runs").json()["runs"]
    assert run["state"] == "running"


def test_one_owner_opens_only_so_many_sockets_and_another_is_not_harmed(revocable: Revocable) -> None:
    address = revocable.server.base_url.replace("http", "ws") + "/api/llm/ws/status"
    with ExitStack() as opened:
        for _ in range(MOST["socket"]):
            opened.enter_context(connect(address, additional_headers={"X-API-Key": revocable.key}))
        with pytest.raises(InvalidStatus) as one_more:
            connect(address, additional_headers={"X-API-Key": revocable.key})

        assert one_more.value.response.status_code == 429
        assert one_more.value.response.headers["retry-after"] == "1"
    eventually(lambda: "chatkeep_open_websockets 0.0" in revocable.phone.http.get("/metrics").text)
    with connect(address, additional_headers={"X-API-Key": revocable.key}):
        pass


def test_a_socket_that_talks_on_and_on_is_closed(revocable: Revocable) -> None:
    address = revocable.server.base_url.replace("http", "ws") + "/api/llm/ws/status"
    with connect(address, additional_headers={"X-API-Key": revocable.key}) as opened:
        for _ in range(100):
            opened.send("hello")
        with pytest.raises(ConnectionClosed) as closed:
            list(iter(lambda: opened.recv(DEADLINE_S), None))

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def _files(pid: int) -> int:
    """How many files and connections the process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def _memory_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))
