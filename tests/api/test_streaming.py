"""The streaming service: one prompt and its reply as it comes, and the history of all of them."""

import json
from typing import Any

import httpx
import pytest

from tests.server import Client, Server, eventually


def stream(client: Client, prompt: str, stream_format: str | None = None, **more: Any) -> httpx.Response:
    params = {"stream_format": stream_format} if stream_format else {}
    return client.http.post("/stream", json={"prompt": prompt}, params=params, **more)


def chunks(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.text.endswith("\n")
    return [json.loads(line) for line in response.text.split("\n")[:-1]]


def cut(client: Client, prompt: str) -> tuple[str, str]:
    """The run and the text of an answer whose end is missing."""
    pieces: list[str] = []
    with (
        client.http.stream("POST", "/stream", json={"prompt": prompt}) as response,
        pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"),
    ):
        pieces.extend(response.iter_text())
    return response.headers["x-run-id"], "".join(pieces)


def test_text_is_the_default_and_comes_as_plain_text(client: Client) -> None:
    response = stream(client, "two w\u00f6rds")

    assert (response.status_code, response.text) == (200, "two w\u00f6rds")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in response.headers


def test_text_comes_while_it_is_written(client: Client) -> None:
    with client.http.stream("POST", "/stream", json={"prompt": "first [[hang 1]]"}) as response:
        assert next(response.iter_text()) == "first"
        client.http.post(f"/runs/{response.headers['x-run-id']}/stop").raise_for_status()


def test_a_prompt_and_its_reply_are_one_chat(client: Client) -> None:
    first, second = stream(client, "alone"), stream(client, "alone")

    chat_ids = [response.headers["x-chat-id"] for response in (first, second)]
    assert chat_ids[0] != chat_ids[1]
    messages = client.history(chat_ids[0])["history"]["messages"]
    assert [(m["role"], m["content"]) for m in messages[-2:]] == [("user", "alone"), ("assistant", "alone")]
    assert messages[-1]["run_id"] == first.headers["x-run-id"]


def test_openai_chunks_come_one_a_line_with_role_text_and_finish(client: Client) -> None:
    response = stream(client, "two words", "openai")

    assert response.headers["content-type"] == "application/x-ndjson"
    found = chunks(response)
    assert {chunk["object"] for chunk in found} == {"chat.completion.chunk"}
    assert {chunk["id"] for chunk in found} == {response.headers["x-run-id"]}
    assert {chunk["model"] for chunk in found} == {"echo"}
    assert {type(chunk["created"]) for chunk in found} == {int}
    choices = [chunk["choices"][0] for chunk in found]
    assert choices[0] == {"index": 0, "delta": {"role": "assistant", "content": ""}, "finish_reason": None}
    assert "".join(choice["delta"].get("content", "") for choice in choices) == "two words"
    assert choices[-1] == {"index": 0, "delta": {}, "finish_reason": "stop"}
    assert all(choice["finish_reason"] is None for choice in choices[:-1])


def test_openai_chunks_break_no_line_reader(client: Client) -> None:
    text = "a\u2028b\u2029c\u0085d\ne"
    response = stream(client, text, "openai")

    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks(response)) == text
    assert not any(mark in response.text for mark in "\u2028\u2029\u0085")


@pytest.mark.parametrize(("directive", "reason"), [("[[loop]]", "length"), ('[[tool look {"a": 1}]]', "tool_calls")])
def test_finish_reasons_are_openais(client: Client, directive: str, reason: str) -> None:
    response = stream(client, f"round {directive}", "openai")

    assert chunks(response)[-1]["choices"][0]["finish_reason"] == reason


def test_sse_is_the_grammar_of_runs(client: Client) -> None:
    response = stream(client, "two words", "sse")

    assert response.headers["content-type"].startswith("text/event-stream")
    run_id = response.headers["x-run-id"]
    events = client.http.get(f"/runs/{run_id}/events").text
    assert response.text.replace(": ping\n", "") == events


@pytest.mark.parametrize("stream_format", ["text", "openai"])
@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("provider_error", 502),
        ("provider_unavailable", 503),
        ("provider_rate_limited", 503),
        ("provider_timeout", 504),
        ("model_not_found", 404),
    ],
)
def test_a_failure_before_the_first_text_is_a_problem_document(
    client: Client, stream_format: str, code: str, status: int
) -> None:
    response = stream(client, f"[[reasoning hm]] a [[fail 1 {code}]]", stream_format)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["run_id"] == response.headers["x-run-id"]
    assert client.http.get(f"/history/{response.json()['run_id']}").json()["status"] == "failed"


def test_a_reply_cut_after_its_first_text_is_no_whole_answer_and_its_partial_is_kept(client: Client) -> None:
    run_id, text = cut(client, "a b c [[fail 2]]")

    row = client.http.get(f"/history/{run_id}").json()
    assert (text, row["response"], row["status"]) == ("a b ", "a b ", "failed")


def test_an_openai_stream_that_fails_ends_with_an_error_line(client: Client) -> None:
    response = stream(client, "a b c [[fail 2 provider_timeout]]", "openai")

    *_, last_text, error = chunks(response)
    assert last_text["choices"][0]["delta"]["content"].endswith("b ")
    assert error == {
        "error": {
            "message": "echo was asked to fail with provider_timeout.",
            "type": "server_error",
            "param": None,
            "code": "provider_timeout",
        }
    }


def test_a_run_goes_on_when_its_reader_leaves(client: Client) -> None:
    with client.http.stream("POST", "/stream", json={"prompt": "a b c d e [[delay 0.02]]"}) as response:
        next(response.iter_text())
        run_id = response.headers["x-run-id"]

    assert client.follow(run_id)[-1].event == "done"
    assert client.http.get(f"/history/{run_id}").json()["response"] == "a b c d e"


def test_an_idempotency_key_gives_the_same_run(client: Client) -> None:
    headers = {"Idempotency-Key": "stream-once"}
    first = stream(client, "once", headers=headers)
    again = stream(client, "once", "openai", headers=headers)
    other = stream(client, "twice", headers=headers)

    assert again.headers["x-run-id"] == first.headers["x-run-id"]
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_mismatch")


def test_a_provider_and_a_model_can_be_named(client: Client) -> None:
    body = {"prompt": "a", "provider": "echo", "model": "echo-reasoning"}
    response = client.http.post("/stream", json=body, params={"stream_format": "openai"})

    assert chunks(response)[0]["model"] == "echo-reasoning"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"{}",
        b'{"prompt":""}',
        b'{"prompt":null}',
        b'{"prompt":"a\\u0000b"}',
        b'{"prompt":"a","chat_id":"b"}',
        b'{"prompt":"a","model":"b\\u0000"}',
    ],
)
def test_a_wrong_body_is_refused(client: Client, body: bytes) -> None:
    response = client.http.post("/stream", content=body, headers={"Content-Type": "application/json"})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_an_unknown_format_or_provider_is_refused(client: Client) -> None:
    unknown = client.http.post("/stream", json={"prompt": "a", "provider": "nobody"})

    assert stream(client, "a", "xml").status_code == 422
    assert (unknown.status_code, unknown.json()["code"]) == (404, "provider_not_found")


def test_the_history_is_newest_first_and_paged(client: Client) -> None:
    asked = [f"history {number}" for number in range(5)]
    run_ids = [stream(client, prompt).headers["x-run-id"] for prompt in asked]

    first = client.http.get("/history", params={"limit": 3}).json()
    second = client.http.get("/history", params={"limit": 2, "offset": 3}).json()

    assert [row["id"] for row in first + second] == run_ids[::-1]
    assert [row["prompt"] for row in first + second] == asked[::-1]
    assert first[0].keys() == {"id", "prompt", "response", "created_at", "status"}
    assert [row["created_at"] for row in first + second] == sorted(
        (row["created_at"] for row in first + second), reverse=True
    )
    assert client.http.get(f"/history/{run_ids[0]}").json() == second[-1]


def test_the_history_holds_turns_of_every_chat_ten_unless_asked_for_more(client: Client) -> None:
    run_id = client.send("from the chat view", "history-chat").json()["run_id"]

    rows = client.http.get("/history").json()

    assert (rows[0]["id"], rows[0]["response"], rows[0]["status"]) == (run_id, "from the chat view", "complete")
    assert len(rows) <= 10


def test_a_run_that_goes_on_is_in_the_history_and_in_the_list_of_runs(client: Client) -> None:
    run_id = client.begin("start [[hang 1]]", "history-live")
    eventually(lambda: client.http.get(f"/history/{run_id}").json()["response"] == "start")

    row = client.http.get("/history").json()[0]
    listed = client.http.get("/runs").json()

    assert (row["id"], row["status"]) == (run_id, "running")
    assert listed["success"] is True
    assert [(run["run_id"], run["state"]) for run in listed["runs"]] == [(run_id, "running")]
    assert listed["runs"][0].keys() == client.run(run_id).keys()
    client.http.post(f"/runs/{run_id}/stop").raise_for_status()
    assert client.http.get("/runs").json()["runs"] == []
    assert client.http.get(f"/history/{run_id}").json()["status"] == "stopped"


@pytest.mark.parametrize(
    "query", ["limit=-1", "limit=0", "limit=101", "limit=1e9", "limit=x", "offset=-1", "offset=1e9", "offset=10001"]
)
def test_a_page_out_of_bounds_is_refused(client: Client, query: str) -> None:
    response = client.http.get(f"/history?{query}")

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize("run_id", ["run_0", "x" * 5000, "%00", "..%2F.."])
def test_an_unknown_row_is_not_found(client: Client, run_id: str) -> None:
    assert client.http.get(f"/history/{run_id}").status_code == 404


def test_a_cut_reply_leaves_no_error_of_the_server_in_the_log(client: Client, server: Server) -> None:
    cut(client, "a [[cut 1]]")

    assert "without completing response" not in server.log
