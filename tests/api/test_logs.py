"""What a server writes of its requests, and where."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.server import Server, eventually, serving


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("logs")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    with serving(folder / "chats", environment={"CHATKEEP_LOG_DIR": str(folder / "logs")}) as running:
        yield running


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "logs" / name).read_text().splitlines()]


def logged(server: Server, request_id: str) -> dict[str, Any]:
    """The line of that request."""

    def found() -> list[dict[str, Any]]:
        return [entry for entry in server.log_entries if entry.get("request_id") == request_id]

    eventually(lambda: [entry for entry in found() if entry["event"] == "request"])
    (line,) = [entry for entry in found() if entry["event"] == "request"]
    return line


def test_a_request_is_one_line_with_route_status_time_bytes_and_key(server: Server) -> None:
    answer = server.client.send("hi", "line", headers={"X-Request-ID": "one-line"})

    line = logged(server, "one-line")
    assert {name: line[name] for name in ("method", "route", "status", "bytes", "key", "level")} == {
        "method": "POST",
        "route": "/chat",
        "status": 200,
        "bytes": len(answer.content),
        "key": "anonymous",
        "level": "info",
    }
    assert 0 < line["duration_ms"] < 20_000


def test_a_path_is_logged_as_its_template_and_a_query_not_at_all(server: Server) -> None:
    server.client.http.get("/chat/history/secret-chat?before=secret-words", headers={"X-Request-ID": "template"})
    server.client.http.get("/nowhere/secret-path", headers={"X-Request-ID": "nowhere"})

    assert logged(server, "template")["route"] == "/chat/history/{chat_id}"
    assert logged(server, "nowhere")["route"] == "unmatched"
    assert "secret-" not in server.log


def test_a_stream_is_logged_when_it_ends_with_all_its_bytes(server: Server) -> None:
    with server.client.stream("a b c", "streamed", headers={"X-Request-ID": "streamed"}) as stream:
        stream.rest()

    line = logged(server, "streamed")
    assert (line["status"], line["bytes"] >= len(stream.raw)) == (200, True)


def test_a_failure_of_ours_is_an_error_and_one_of_the_client_s_is_not(server: Server, folder: Path) -> None:
    server.client.send("[[fail 1 provider_error]]", "failing", headers={"X-Request-ID": "failing"})
    server.client.http.post("/chat", json={}, headers={"X-Request-ID": "wrong"})

    assert logged(server, "failing")["level"] == "error"
    assert (logged(server, "wrong")["level"], logged(server, "wrong")["status"]) == ("info", 422)
    errors = eventually(lambda: lines(folder, "error.log"))
    assert {entry["level"] for entry in errors} == {"error"}
    assert "failing" in {entry["request_id"] for entry in errors}


def test_app_log_has_the_same_lines_as_standard_error(server: Server, folder: Path) -> None:
    server.client.send("hi", "both", headers={"X-Request-ID": "both"})
    logged(server, "both")

    assert eventually(lambda: {"both"} & {entry.get("request_id") for entry in lines(folder, "app.log")})
    assert lines(folder, "app.log") == server.log_entries[: len(lines(folder, "app.log"))]


def test_a_refusal_is_logged_with_its_code_and_address(server: Server, folder: Path) -> None:
    server.client.http.get("/chat/history/none", headers={"X-Request-ID": "refused-1"})

    (line,) = eventually(lambda: [each for each in lines(folder, "app.log") if each.get("request_id") == "refused-1"])
    assert (line["status"], line["code"], line["address"]) == (404, "chat_not_found", "127.0.0.1")


def test_logs_and_the_index_are_their_owners_alone(server: Server, folder: Path) -> None:
    kept = [*folder.rglob("app.log"), *(server.folder / ".chatkeep").glob("index.sqlite3*")]

    assert len(kept) >= 3
    assert [path.name for path in kept if path.stat().st_mode & 0o077] == []


def test_probes_do_not_fill_the_log(server: Server) -> None:
    for path in ("/health", "/health/ready", "/api/v1/health", "/metrics"):
        assert server.client.http.get(path, headers={"X-Request-ID": "a-probe"}).status_code == 200
    server.client.send("hi", "after", headers={"X-Request-ID": "after-probes"})

    logged(server, "after-probes")
    assert "a-probe" not in server.log


def test_no_header_with_a_key_is_logged_even_when_debugging(tmp_path: Path) -> None:
    key = "ck_" + "k" * 43
    with serving(tmp_path / "chats", environment={"CHATKEEP_LOG_LEVEL": "debug"}) as server:
        for headers in ({"Authorization": f"Bearer {key}"}, {"X-API-Key": key}, {"Cookie": f"session={key}"}):
            server.client.send("hi", "keys", headers={**headers, "X-Request-ID": "with-key"})
        server.client.http.get("/health", headers={"X-Request-ID": "debugged"})
        assert logged(server, "debugged")["level"] == "debug"

        assert key not in server.log


def test_the_request_log_can_be_switched_off(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", environment={"CHATKEEP_LOG_REQUESTS": "false"}) as server:
        server.client.send("hi", "quiet")
        server.client.http.get("/nowhere")
        server.terminate()

        assert {entry["event"] for entry in server.log_entries} >= {"run_ended"}
        assert "request" not in {entry["event"] for entry in server.log_entries}


def test_the_last_lines_are_in_the_files_when_the_server_has_stopped(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", environment={"CHATKEEP_LOG_DIR": str(tmp_path / "logs")}) as server:
        server.client.send("hi", "last", headers={"X-Request-ID": "last"})
        server.terminate()

    assert [entry["request_id"] for entry in lines(tmp_path, "app.log") if entry["event"] == "request"] == ["last"]
