"""The same service under /api/v1."""

import pytest

from tests.server import Client, Stream


def test_health_is_the_servers(client: Client) -> None:
    mine, root = client.http.get("/api/v1/health").json(), client.http.get("/health").json()

    assert {**mine, "timestamp": ""} == {**root, "timestamp": ""}


def test_help_says_what_is_configured_and_how_to_configure_others(client: Client) -> None:
    answer = client.http.get("/api/v1/help").json()

    assert answer["default"] == "echo"
    rows = {row["name"]: row for row in answer["configured"]}
    assert rows["echo"]["models"] == ["echo", "echo-reasoning"]
    assert {"name": "openai", "how": "Set OPENAI_API_KEY."} in answer["available"]
    assert not rows.keys() & {row["name"] for row in answer["available"]}
    assert ("POST", "/api/v1/chat") in {(row["method"], row["path"]) for row in answer["endpoints"]}
    for said in ("echo, the default: echo, echo-reasoning", "Set OPENAI_API_KEY.", answer["example"]):
        assert said in answer["text"]


def test_a_chat_streams_and_is_kept_followed_and_stopped_as_any(client: Client) -> None:
    body = {"message": "go [[hang 1]]", "chat_id": "v1"}
    with client.http.stream("POST", "/api/v1/chat", json=body) as response:
        stream = Stream(response)
        start = stream.until(2)[0].fields
        client.http.post(f"/runs/{start['run_id']}/stop").raise_for_status()
        events = stream.rest()

    assert start["chat_id"] == response.headers["x-chat-id"] == "v1"
    assert (events[-1].event, events[-1].fields["state"]) == ("done", "stopped")
    assert client.follow(start["run_id"], 0) == events[1:]
    assert client.history("v1")["history"]["messages"][-1]["content"] == "go"


def test_an_idempotency_key_gives_the_same_run(client: Client) -> None:
    headers = {"Idempotency-Key": "v1-once"}
    first, again = (
        client.http.post("/api/v1/chat", json={"message": "once"}, headers=headers).headers["x-run-id"]
        for _ in range(2)
    )

    assert first == again


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "invalid_request"),
        ({"message": ""}, "invalid_request"),
        ({"message": "a\0"}, "invalid_request"),
        ({"message": "a", "temperature": 1}, "invalid_request"),
        ({"message": "a", "chat_id": "../a"}, "invalid_chat_id"),
        ({"message": "a", "provider": "nobody"}, "provider_not_found"),
    ],
)
def test_a_wrong_chat_is_refused(client: Client, body: dict[str, object], code: str) -> None:
    response = client.http.post("/api/v1/chat", json=body)

    assert (response.json()["code"], response.json()["success"]) == (code, False)
