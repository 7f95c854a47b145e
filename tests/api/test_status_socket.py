"""The WebSocket with live news."""

import base64
import json
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.api.conftest import Keyed, key_of
from tests.server import DEADLINE_S, Client, Server, serving


@contextmanager
def listening(server: Server, path: str = "/api/llm/ws/status", **options: Any) -> Iterator[ClientConnection]:
    url = server.base_url.replace("http://", "ws://") + path
    with connect(url, open_timeout=DEADLINE_S, close_timeout=DEADLINE_S, proxy=None, **options) as opened:
        yield opened


def until(opened: ClientConnection, **fields: object) -> dict[str, Any]:
    """The first message with these fields; the others are passed over."""
    while True:
        message: dict[str, Any] = json.loads(opened.recv(timeout=DEADLINE_S))
        if message.items() >= fields.items():
            return message


def closing(opened: ClientConnection) -> tuple[int, str]:
    """The code and the reason that the server closes with."""
    with pytest.raises(ConnectionClosed) as closed:
        list(iter(lambda: opened.recv(timeout=DEADLINE_S), None))
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


@contextmanager
def raw_handshake(server: Server, path: str = "/api/llm/ws/status") -> Iterator[socket.socket]:
    """A socket that has been upgraded and is not read from here."""
    url = httpx.URL(server.base_url)
    key = base64.b64encode(os.urandom(16)).decode()
    with socket.create_connection((url.host, url.port or 80), timeout=DEADLINE_S) as connection:
        connection.sendall(
            f"GET {path} HTTP/1.1\r\nHost: {url.host}:{url.port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        yield connection


def frame(first_byte: int, payload: bytes) -> bytes:
    """One masked frame of a client, with a mask of zeros: RFC 6455, section 5.2."""
    length = bytes([0x80 | len(payload)]) if len(payload) < 126 else bytes([0xFE]) + len(payload).to_bytes(2, "big")
    return bytes([first_byte]) + length + bytes(4) + payload


def flood(connection: socket.socket, content: bytes) -> None:
    """Send `content` a thousand times."""
    for _ in range(1000):
        connection.sendall(content)


def test_a_status_comes_on_connect(server: Server) -> None:
    with listening(server) as opened:
        status = json.loads(opened.recv(timeout=DEADLINE_S))
        assert opened.response is not None
        headers = opened.response.headers

    assert (status["type"], status["default"]) == ("status", "echo")
    assert "echo" in {provider["name"] for provider in status["providers"]}
    assert headers["x-request-id"]
    assert "sec-websocket-extensions" not in headers


def test_a_run_is_told_of_while_it_goes_on_and_at_its_end(server: Server, client: Client) -> None:
    with listening(server) as opened:
        run_id = client.begin("a b c [[hang 2]]", "socket-run")
        going = until(opened, type="generation_stats", run_id=run_id, tokens=2)
        client.http.post(f"/runs/{run_id}/stop").raise_for_status()
        end = until(opened, type="generation_stats", run_id=run_id, state="stopped")

    assert (going["state"], going["estimated"], going["chat_id"]) == ("running", True, "socket-run")
    assert going["time_to_first_token_ms"] <= going["elapsed_ms"] <= end["elapsed_ms"]
    assert (end["provider"], end["model"], end["tokens"]) == ("echo", "echo", 2)


def test_a_generation_outside_any_chat_is_told_of_too(server: Server, client: Client) -> None:
    with listening(server) as opened:
        run_id = client.http.post("/api/llm/generate", json={"prompt": "one two"}).json()["run_id"]
        end = until(opened, run_id=run_id, state="completed")

    assert "chat_id" not in end
    assert (end["tokens"], end["estimated"]) == (2, False)


def test_a_real_call_that_fails_is_a_change_of_state_told_once(server: Server, client: Client) -> None:
    client.send("up")
    with listening(server) as opened:
        for _ in range(3):
            client.send("[[fail 0]] down")
        client.send("up again")
        changes = [until(opened, type="state_change", provider="echo") for _ in range(2)]

    assert [(change["old"], change["new"]) for change in changes] == [
        ("HEALTHY", "UNHEALTHY"),
        ("UNHEALTHY", "HEALTHY"),
    ]
    assert changes[0]["error"] == "echo was asked to fail with provider_error."
    assert changes[0]["timestamp"].endswith("Z")


def test_text_that_a_client_sends_is_ignored(server: Server, client: Client) -> None:
    with listening(server) as opened:
        for text in ("", "hello", "{", '{"type":"status"}', "x" * 4000):
            opened.send(text)
        run_id = client.send("still here").json()["run_id"]

        assert until(opened, run_id=run_id, state="completed")


def test_binary_closes_with_1003_and_a_huge_message_with_1009(server: Server) -> None:
    with listening(server) as opened:
        opened.send(b"\x00\xff")
        assert closing(opened)[0] == 1003
    with listening(server) as opened:
        opened.send("x" * 5000)
        assert closing(opened)[0] == 1009
    with listening(server) as opened:
        opened.send(iter(["x" * 1000] * 6))
        assert closing(opened)[0] == 1009


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(0x81, b"\xff\xfe"), 1007),  # text that is not UTF-8
        (frame(0x01, b"\xff") + frame(0x80, b"\xfe"), 1007),  # the same in two frames
        (frame(0xF1, b"a"), 1002),  # reserved bits
        (frame(0x8F, b"a"), 1002),  # an opcode that does not exist
        (b"\x81\x01a", 1002),  # without a mask
        (b"GET / HTTP/1.1\r\n\r\n", 1002),
    ],
)
def test_what_is_no_websocket_closes_with_its_code(server: Server, sent: bytes, code: int) -> None:
    with raw_handshake(server) as connection:
        connection.sendall(sent)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk

    assert b"\x88" in received
    assert code.to_bytes(2, "big") in received[received.rindex(b"\x88") :]


def test_a_client_that_pings_and_never_reads_is_dropped_before_its_answers_fill_the_memory(server: Server) -> None:
    pings = frame(0x89, b"x" * 125) * 1000
    with raw_handshake(server) as connection, pytest.raises(ConnectionError):
        flood(connection, pings)


def test_garbage_leaves_no_traceback_in_the_log(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as running:
        for sent in (frame(0x81, b"\xff"), frame(0x82, b"a"), frame(0x8F, b""), b"\xff" * 999):
            with raw_handshake(running) as connection:
                connection.sendall(sent)
                while connection.recv(65536):
                    pass
        with raw_handshake(running, "/nowhere") as connection:
            while connection.recv(65536):
                pass
        running.terminate()
        entries = running.log_entries

    assert "Traceback" not in running.log
    assert [entry for entry in entries if entry["level"] in ("error", "critical")] == []


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://127.0.0.1"])
def test_a_page_of_another_site_is_refused(server: Server, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused, listening(server, origin=origin):
        pass

    assert refused.value.response.status_code == 403
    assert json.loads(refused.value.response.body or b"")["code"] == "forbidden"


def test_the_servers_own_page_and_those_that_are_allowed_may_open_it(tmp_path: Path) -> None:
    allowed = "https://chat.example.org"
    with serving(tmp_path / "chats", environment={"CHATKEEP_CORS_ORIGINS": allowed}) as running:
        for origin in (running.base_url, allowed):
            with listening(running, origin=origin) as opened:
                assert until(opened, type="status")


@pytest.mark.parametrize("path", ["/nowhere", "/chat", "/api/llm/ws/status/more"])
def test_a_websocket_to_where_there_is_none_is_refused_as_a_request_is(server: Server, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused, listening(server, path):
        pass

    response = refused.value.response
    assert response.status_code in (404, 422)
    assert response.headers["content-type"] == "application/problem+json"
    assert json.loads(response.body or b"")["request_id"] == response.headers["x-request-id"]


def test_a_plain_request_for_the_socket_is_refused(client: Client) -> None:
    assert client.http.get("/api/llm/ws/status").status_code == 405


def test_a_socket_that_never_reads_holds_up_neither_a_run_nor_the_stop(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as running, raw_handshake(running), listening(running) as opened:
        runs = [running.client.send(f"{number} [[tokens 50]]").json() for number in range(20)]
        until(opened, run_id=runs[-1]["run_id"], state="completed")
        code = running.terminate()

        assert closing(opened)[0] == 1012

    assert all(run["finish_reason"] == "stop" for run in runs)
    assert code == 0


def test_open_sockets_are_closed_at_once_when_the_server_stops(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as running, listening(running) as first, listening(running) as second:
        until(first, type="status")
        running.signal(signal.SIGTERM)

        assert [closing(opened)[0] for opened in (first, second)] == [1012, 1012]
        assert running.wait() == 0
    assert "Traceback" not in running.log


def test_a_run_that_failed_is_told_with_its_error(server: Server, client: Client) -> None:
    with listening(server) as opened:
        run_id = client.begin("a [[fail 1 provider_timeout]]", "socket-failed")
        end = until(opened, run_id=run_id, state="failed")
        run_id = client.begin("a", "socket-well")
        well = until(opened, run_id=run_id, state="completed")

    assert (end["error"], end["cost_usd"]) == ("provider_timeout", None)
    assert well["error"] is None


def test_every_change_of_a_chat_is_told_to_the_other_tabs_of_its_owner(keyed: Keyed) -> None:
    with (
        listening(keyed.server, additional_headers={"X-API-Key": key_of(keyed.alice)}) as hers,
        listening(keyed.server, additional_headers={"X-API-Key": key_of(keyed.bob)}) as his,
    ):
        keyed.alice.send("hello", "told-of")
        saved = until(hers, type="chat", chat_id="told-of")
        keyed.alice.http.patch("/chat/rename/told-of", json={"title": "Greetings"})
        renamed = until(hers, type="chat", revision=2)
        keyed.alice.http.delete("/chat/delete/told-of")
        deleted = until(hers, type="chat", change="deleted")
        keyed.alice.http.post("/chat/restore/told-of", json={})
        restored = until(hers, type="chat", change="saved")
        keyed.bob.send("hello", "told-of-his")
        first_of_his = until(his, type="chat")

    assert saved == {"type": "chat", "chat_id": "told-of", "change": "saved", "title": "hello", "revision": 1}
    assert (renamed["title"], restored["title"]) == ("Greetings", "Greetings")
    assert deleted == {"type": "chat", "chat_id": "told-of", "change": "deleted"}
    assert first_of_his["chat_id"] == "told-of-his"
