"""Conventions: ids, errors, bodies."""

import re
from typing import Any

import httpx
import pytest

from tests.server import Client, Server, eventually


def test_every_answer_carries_a_request_id_and_every_log_line_of_the_request_has_it(server: Server) -> None:
    response = server.client.send("hi", "request-id", headers={"X-Request-ID": "my.Request_1"})

    assert response.headers["x-request-id"] == "my.Request_1"
    # The run's last log line may be written just after the answer.
    found = eventually(lambda: _both([e for e in server.log_entries if e.get("request_id") == "my.Request_1"]))
    assert found["request"]["route"] == "/chat"
    ended = found["run_ended"]
    assert (ended["chat_id"], ended["run_id"]) == ("request-id", response.json()["run_id"])


def _both(entries: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """What a turn logs, by event: that its run ended, and that the request was answered. Empty while one is missing."""
    return {entry["event"]: entry for entry in entries} if len(entries) == 2 else {}


@pytest.mark.parametrize("given", [None, "", "a b", "x" * 129, 'a"b', "a;b"])
def test_a_request_id_that_is_not_sane_is_replaced(client: Client, given: str | None) -> None:
    response = client.http.get("/health", headers={} if given is None else {"X-Request-ID": given})

    assert re.fullmatch(r"req_[0-9a-f]{30}", response.headers["x-request-id"])


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nowhere", 404, "not_found"),
        ("PUT", "/chat", 405, "method_not_allowed"),
        ("GET", "/chat/history/none", 404, "chat_not_found"),
        ("GET", "/chat/history/a%20b", 422, "invalid_chat_id"),
        ("DELETE", "/chat/delete/none", 404, "chat_not_found"),
        ("GET", "/runs/run_none", 404, "run_not_found"),
        ("GET", "/runs/run_none/events", 404, "run_not_found"),
        ("POST", "/runs/run_none/stop", 404, "run_not_found"),
        ("GET", "/chat/history?limit=0", 422, "invalid_request"),
        ("GET", "/chat/history?limit=1000000000", 422, "invalid_request"),
        ("GET", "/chat/history?limit=x", 422, "invalid_request"),
        ("GET", "/chat/history?cursor=x", 422, "invalid_request"),
        ("GET", "/chat/history/none?limit=-1", 422, "invalid_request"),
        ("GET", "/chat/history/none?limit=0", 422, "invalid_request"),
        ("GET", "/chat/history/none?limit=1000000000", 422, "invalid_request"),
    ],
)
def test_an_error_is_a_problem_document(client: Client, method: str, path: str, status: int, code: str) -> None:
    response = client.http.request(method, path)

    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (problem["status"], problem["code"], problem["success"]) == (status, code, False)
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]
    assert problem["type"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"chat_id": "x"}, "$"),
        ({"message": ""}, "$.message"),
        ({"message": 5}, "$.message"),
        ({"message": "x", "temperature": 2.1}, "$.temperature"),
        ({"message": "x", "max_tokens": 0}, "$.max_tokens"),
        ({"message": "x", "if_busy": "wait"}, "$.if_busy"),
        ({"message": "x", "surprise": 1}, "$"),
        ({"message": "a\0b"}, "$.message"),
    ],
)
def test_a_wrong_field_is_named(client: Client, body: dict[str, object], path: str) -> None:
    response = client.http.post("/chat", json=body)

    assert response.status_code == 422
    assert [error["path"] for error in response.json()["errors"]] == [path]


def test_a_body_needs_no_content_type(client: Client) -> None:
    response = client.http.post("/chat", content=b'{"message":"plain"}')

    assert response.status_code == 200


def test_the_same_key_and_body_gives_the_same_run_and_another_body_is_refused(client: Client) -> None:
    key = {"Idempotency-Key": "send-1"}

    first = client.send("once", "idempotent", headers=key)
    again = client.send("once", "idempotent", headers=key)
    other = client.send("twice", "idempotent", headers=key)

    assert first.json() == again.json()
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")
    assert len(client.history("idempotent")["history"]["messages"]) == 3


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_an_idempotency_key_of_a_wrong_length_is_refused(client: Client, key: str) -> None:
    assert client.send("hi", headers={"Idempotency-Key": key}).json()["code"] == "invalid_request"


def test_a_broken_request_line_does_not_harm_the_server(server: Server) -> None:
    import socket  # noqa: PLC0415 - raw on purpose

    host, _, port = server.base_url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port))) as raw:
        raw.sendall(b"\x00\xff garbage\r\n\r\n")
        raw.settimeout(10)
        raw.recv(1000)

    assert httpx.get(f"{server.base_url}/health", trust_env=False).status_code == 200


def test_the_log_holds_no_message_text(server: Server) -> None:
    server.client.send("xyzzy-in-a-message", "log-text")
    server.client.send("xyzzy-in-a-failure [[fail 1 provider_error]]", "log-text")

    assert "xyzzy" not in server.log


@pytest.mark.parametrize(
    "path", ["/", "/health", "/health/ready", "/chat/history", "/openapi.json", "/docs", "/nowhere"]
)
def test_head_is_get_without_the_body(client: Client, path: str) -> None:
    got, head = client.http.get(path), client.http.head(path)

    assert head.status_code == got.status_code
    assert head.content == b""
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers["content-length"] == got.headers["content-length"]


def test_head_of_a_stream_ends_at_once(client: Client) -> None:
    run_id = client.begin("[[tokens 1000]] [[delay 1]]")

    head = client.http.head(f"/runs/{run_id}/events")

    assert (head.status_code, head.headers["content-type"]) == (200, "text/event-stream; charset=utf-8")
    client.http.post(f"/runs/{run_id}/stop")


@pytest.mark.parametrize(
    ("method", "path", "body", "words"),
    [
        ("GET", "/nowhere", None, "GET /"),
        ("PUT", "/chat", None, "POST"),
        ("POST", "/chat", b"", "the body is empty"),
        ("POST", "/chat", b'{"message":"' + b"x" * 1_100_000 + b'"}', "CHATKEEP_MAX_BODY_BYTES"),
    ],
)
def test_a_refusal_says_what_to_do(client: Client, method: str, path: str, body: bytes | None, words: str) -> None:
    assert words in client.http.request(method, path, content=body).json()["detail"]


def test_no_cache_keeps_a_conversation(client: Client) -> None:
    client.send("hi", "uncached")

    for path in ("/chat/history/uncached", "/chat/history", "/login", "/nowhere"):
        assert client.http.get(path).headers["cache-control"] == "no-store"
