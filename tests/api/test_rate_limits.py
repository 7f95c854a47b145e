"""Rate limits over HTTP. Windows of an hour: none of these tests waits for one to end."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.server import Client, Server, serving

WINDOW_S = 3600
HEADERS = ("X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset")


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[Client]:
    environment = {
        "CHATKEEP_RATE_LIMIT_ENABLED": "true",
        "CHATKEEP_RATE_LIMIT_REQUESTS": "3",
        "CHATKEEP_RATE_LIMIT_WINDOW_SECONDS": str(WINDOW_S),
    }
    with serving(tmp_path / "chats", environment=environment) as running:
        yield running.client


def assert_refused(response: httpx.Response) -> None:
    assert (response.status_code, response.headers["content-type"]) == (429, "application/problem+json")
    problem = response.json()
    assert (problem["code"], problem["status"], problem["success"]) == ("rate_limited", 429, False)
    assert problem["request_id"] == response.headers["x-request-id"]
    limit, remaining, reset = (response.headers.get_list(name) for name in HEADERS)
    assert (limit, remaining) == (["3"], ["0"])
    assert reset == [response.headers["retry-after"]]
    assert 0 < int(reset[0]) <= WINDOW_S


def test_a_response_within_the_limit_tells_how_much_is_left(limited: Client) -> None:
    seen = [limited.http.get("/chat/history") for _ in range(3)]

    assert [response.status_code for response in seen] == [200, 200, 200]
    assert [response.headers["X-RateLimit-Limit"] for response in seen] == ["3", "3", "3"]
    assert [response.headers["X-RateLimit-Remaining"] for response in seen] == ["2", "1", "0"]
    assert all(0 < int(response.headers["X-RateLimit-Reset"]) <= WINDOW_S for response in seen)
    assert not any("Retry-After" in response.headers for response in seen)


def test_a_request_too_many_is_refused_with_what_to_do(limited: Client) -> None:
    for _ in range(3):
        limited.http.get("/chat/history")

    assert_refused(limited.http.get("/chat/history"))
    assert_refused(limited.http.get("/runs/run_none"))
    assert_refused(limited.http.delete("/chat/delete/none"))


def test_messages_and_other_requests_are_counted_apart(limited: Client) -> None:
    for _ in range(3):
        assert limited.send("hi").status_code == 200

    assert_refused(limited.send("hi"))
    assert_refused(limited.send("hi", stream=True))
    assert limited.http.get("/chat/history").status_code == 200


@pytest.mark.parametrize(
    ("environment", "messages", "others"),
    [
        ({}, "60", "600"),
        ({"CHATKEEP_RATE_LIMIT_REQUESTS": "7"}, "7", "7"),
        ({"CHATKEEP_RATE_LIMIT_OTHER_REQUESTS": "9"}, "60", "9"),
        ({"RATE_LIMIT_REQUESTS": "7", "CHATKEEP_RATE_LIMIT_OTHER_REQUESTS": "9"}, "7", "9"),
    ],
)
def test_what_asks_no_model_has_a_larger_limit_unless_another_is_set(
    tmp_path: Path, environment: dict[str, str], messages: str, others: str
) -> None:
    with serving(tmp_path / "chats", environment={"CHATKEEP_RATE_LIMIT_ENABLED": "true", **environment}) as running:
        sent, listed = running.client.send("hi"), running.client.http.get("/chat/history")

    assert [response.headers["X-RateLimit-Limit"] for response in (sent, listed)] == [messages, others]


def test_a_stream_and_a_refusal_of_a_view_tell_how_much_is_left_too(limited: Client) -> None:
    with limited.stream("one two") as stream:
        stream.rest()

    assert stream.response.headers["X-RateLimit-Remaining"] == "2"
    not_found = limited.http.get("/runs/run_none")
    assert (not_found.status_code, not_found.headers["X-RateLimit-Remaining"]) == (404, "2")


def test_what_is_open_to_everybody_is_free(limited: Client) -> None:
    for _ in range(5):
        for path in ("/health", "/health/ready", "/metrics", "/openapi.json", "/docs", "/redoc", "/"):
            response = limited.http.get(path)

            assert response.status_code == 200
            assert not any(name in response.headers for name in HEADERS)


def test_without_limits_no_response_speaks_of_them(server: Server) -> None:
    for _ in range(5):
        response = server.client.http.get("/chat/history")

        assert response.status_code == 200
        assert not any(name in response.headers for name in HEADERS)
