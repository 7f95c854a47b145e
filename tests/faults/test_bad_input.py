"""Requests that cannot be: the contract's problem document, and nothing written."""

from collections.abc import Iterator

import httpx
import pytest

from tests.faults.conftest import snapshot
from tests.server import Server

INVALID = (422, "invalid_request")
BODIES = {
    "malformed JSON": b'{"message": "hello"',
    "no JSON": b"hello",
    "nothing": b"",
    "null": b"null",
    "a list": b'["hello"]',
    "text": b'"hello"',
    "no message": b"{}",
    "an empty message": b'{"message": ""}',
    "a message that is null": b'{"message": null}',
    "a message that is a number": b'{"message": 7}',
    "an unknown field": b'{"message": "hello", "mesage": "typo"}',
    "a flag that is text": b'{"message": "hello", "stream": "yes"}',
    "an unknown choice": b'{"message": "hello", "if_busy": "panic"}',
    "too high a temperature": b'{"message": "hello", "temperature": 2.1}',
    "a temperature that is text": b'{"message": "hello", "temperature": "hot"}',
    "no tokens": b'{"message": "hello", "max_tokens": 0}',
    "half a token": b'{"message": "hello", "max_tokens": 1.5}',
    "a number beyond all bounds": b'{"message": "hello", "max_tokens": 1e999}',
    "NUL in the message": b'{"message": "a\\u0000b"}',
    "NUL in the system prompt": b'{"message": "hello", "system_prompt": "a\\u0000b"}',
    "a lone surrogate": b'{"message": "a\\ud800b"}',
    "a lone low surrogate": b'{"message": "a\\udc00"}',
    "no UTF-8": b'{"message": "\xff\xfe"}',
    "an overlong NUL": b'{"message": "\xc0\x80"}',
    "UTF-16": '{"message": "hello"}'.encode("utf-16"),
    "endless nesting": b'{"message": ' + b"[" * 50_000,
}
CHAT_IDS = ("../x", "..", ".", "", "a b", "a/b", "a\\b", "a.json", "é", "a\n", "x" * 129, "-" * 200, "%2e%2e", "@alice")


@pytest.fixture(scope="module")
def run_id(server: Server) -> str:
    made: str = server.client.send("hello", "sound").json()["run_id"]
    return made


@pytest.fixture(autouse=True)
def nothing_written(server: Server, run_id: str) -> Iterator[None]:
    before = snapshot(server.folder)
    yield
    assert snapshot(server.folder) == before


@pytest.mark.parametrize("kind", BODIES)
@pytest.mark.parametrize("accept", ["application/json", "text/event-stream"])
def test_a_body_that_cannot_be_is_refused(server: Server, kind: str, accept: str) -> None:
    headers = {"Content-Type": "application/json", "Accept": accept}

    response = server.client.http.post("/chat", content=BODIES[kind], headers=headers)

    _check_problem(response, *INVALID)


@pytest.mark.parametrize("chat_id", CHAT_IDS)
def test_a_chat_id_that_cannot_be_is_refused_in_a_body(server: Server, chat_id: str) -> None:
    _check_problem(server.client.send("hello", chat_id), 422, "invalid_chat_id")


@pytest.mark.parametrize("chat_id", ["a%20b", "..%2Fx", "x" * 129, "a.json", "%00", "%C3%A9", "a%0A", "@alice"])
def test_a_chat_id_that_cannot_be_is_refused_in_a_path(server: Server, chat_id: str) -> None:
    for response in (
        server.client.http.get(f"/chat/history/{chat_id}"),
        server.client.http.delete(f"/chat/delete/{chat_id}"),
    ):
        # Servers decode %2F before routes are looked at, so such a path names no route.
        if "%2F" in chat_id:
            _check_problem(response, 404, "not_found")
        else:
            _check_problem(response, 422, "invalid_chat_id")


@pytest.mark.parametrize("run_id", ["run_unknown", "..%2F..%2Fsecret", "a%20b", "%00", "x" * 5000, "run_%C3%A9"])
def test_a_run_that_is_not_there_is_not_found(server: Server, run_id: str) -> None:
    code = "not_found" if "%2F" in run_id else "run_not_found"
    _check_problem(server.client.http.get(f"/runs/{run_id}"), 404, code)
    _check_problem(server.client.http.get(f"/runs/{run_id}/events"), 404, code)
    _check_problem(server.client.http.post(f"/runs/{run_id}/stop"), 404, code)


def test_an_unknown_provider_or_model_is_not_found(server: Server) -> None:
    _check_problem(server.client.send("hello", "a", provider="nobody"), 404, "provider_not_found")
    _check_problem(server.client.send("hello", "a", provider="../../etc"), 404, "provider_not_found")


def test_a_provider_without_its_key_is_not_configured(server: Server) -> None:
    response = server.client.send("hello", "a", provider="openai")

    _check_problem(response, 503, "provider_not_configured")
    assert "OPENAI_API_KEY" in response.json()["detail"]


def test_a_body_of_10_mib_is_too_large(server: Server) -> None:
    content = b'{"message": "' + b"x" * (10 * 1024 * 1024) + b'"}'

    response = _post_whatever_happens(server, content=content)

    _check_problem(response, 413, "body_too_large")


def test_a_body_of_10_mib_in_chunks_without_a_length_is_too_large(server: Server) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"message": "'
        for _ in range(160):
            yield b"x" * 65536
        yield b'"}'

    response = _post_whatever_happens(server, content=chunks())

    _check_problem(response, 413, "body_too_large")


@pytest.mark.parametrize("position", ["x", "-1", "1.5", "9" * 40, "٣"])
def test_a_position_that_is_no_number_is_refused(server: Server, run_id: str, position: str) -> None:
    headers = {b"Last-Event-ID": position.encode()}

    response = server.client.http.get(f"/runs/{run_id}/events", headers=headers)

    _check_problem(response, *INVALID)


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=x", "cursor=%00"])
def test_a_page_that_cannot_be_is_refused(server: Server, query: str) -> None:
    _check_problem(server.client.http.get(f"/chat/history?{query}"), *INVALID)


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_an_idempotency_key_that_cannot_be_is_refused(server: Server, key: str) -> None:
    _check_problem(server.client.send("hello", "a", {"Idempotency-Key": key}), *INVALID)


def test_what_is_not_there_and_what_is_not_allowed_are_problem_documents_too(server: Server) -> None:
    _check_problem(server.client.http.get("/nothing/here"), 404, "not_found")
    _check_problem(server.client.http.put("/chat", json={"message": "hello"}), 405, "method_not_allowed")
    _check_problem(server.client.http.get("/chat/history/unknown"), 404, "chat_not_found")
    _check_problem(server.client.http.delete("/chat/delete/unknown"), 404, "chat_not_found")


def test_the_server_still_answers_after_all_that(server: Server) -> None:
    assert server.client.http.get("/health/ready").status_code == 200
    assert not [entry for entry in server.log_entries if entry["event"] == "request_crashed"]


def _post_whatever_happens(server: Server, content: bytes | Iterator[bytes]) -> httpx.Response:
    """POST /chat. The answer may come before the body has been sent, and the connection end with it."""
    return server.client.http.post("/chat", content=content, headers={"Content-Type": "application/json"})


def _check_problem(response: httpx.Response, status: int, code: str) -> None:
    """RFC 9457, as the contract has it."""
    document = response.json()
    assert (response.status_code, document["code"]) == (status, code), document
    assert response.headers["content-type"] == "application/problem+json"
    assert (document["status"], document["success"]) == (status, False)
    assert document["request_id"] == response.headers["x-request-id"]
    assert document["type"]
    assert document["title"]
    assert document["detail"]
    if code == "invalid_request":
        assert all(error["path"] and error["message"] for error in document.get("errors", []))
