"""A service that is away, and another one that answers in its place: what every view shows of it."""

import json
from collections.abc import Iterator

import pytest

from tests.api.test_status_socket import listening, until
from tests.server import Client, Server, serving

AWAY = {
    "ACME_BASE_URL": "http://127.0.0.1:9",  # the port of `discard`: nobody answers
    "ACME_API_KEY": "sk-a-very-secret-key",
    "ACME_MODEL": "large",
    "CHATKEEP_PROVIDER": "acme",
    "CHATKEEP_FALLBACKS": "echo",
}


@pytest.fixture(scope="module")
def away(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("fallbacks") / "chats", environment=AWAY) as running:
        yield running


@pytest.fixture
def client(away: Server) -> Client:
    return away.client


def test_the_answer_names_who_answered_and_who_failed(client: Client) -> None:
    answer = client.send("hello there", "json").json()

    assert (answer["response"], answer["provider"], answer["model"]) == ("hello there", "echo", "echo")
    assert [(call["provider"], call["model"], call["code"]) for call in answer["stats"]["failed"]] == [
        ("acme", "large", "provider_unavailable"),
    ]
    reply = client.history("json")["history"]["messages"][-1]
    assert (reply["provider"], reply["stats"]) == ("echo", answer["stats"])
    assert client.chats()["json"]["provider"] == "echo"
    run = client.run(answer["run_id"])
    assert (run["provider"], run["model"], run["stats"]) == ("echo", "echo", answer["stats"])


def test_a_stream_tells_of_a_call_that_failed_before_the_first_text(client: Client) -> None:
    with client.stream("hello there", "events") as stream:
        events = stream.rest()

    assert [event.event for event in events] == ["start", "retry", "delta", "delta", "usage", "done"]
    assert [(event.fields["provider"], event.fields["model"]) for event in events[:2]] == [
        ("acme", "large"),
        ("echo", "echo"),
    ]
    assert [event.id for event in events] == list(range(6))
    assert client.follow(events[0].fields["run_id"]) == events


@pytest.mark.parametrize("stream_format", ["text", "openai"])
def test_formats_without_such_an_event_leave_it_out(client: Client, stream_format: str) -> None:
    response = client.http.post("/stream", json={"prompt": "hello there"}, params={"stream_format": stream_format})

    if stream_format == "text":
        assert response.text == "hello there"
        return
    chunks = [json.loads(line) for line in response.text.splitlines()]
    assert {chunk["model"] for chunk in chunks} == {"echo"}
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == "hello there"
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_a_generation_outside_any_chat_names_who_answered_too(client: Client) -> None:
    answer = client.http.post("/api/llm/generate", json={"prompt": "hello"}).json()

    assert (answer["text"], answer["provider"], len(answer["stats"]["failed"])) == ("hello", "echo", 1)


def test_live_figures_are_those_of_who_answers(away: Server, client: Client) -> None:
    with listening(away) as socket:
        run_id = client.begin("one two [[hang 1]]", "figures")
        going = until(socket, type="generation_stats", run_id=run_id, tokens=1)
        client.http.post(f"/runs/{run_id}/stop").raise_for_status()
        end = until(socket, type="generation_stats", run_id=run_id, state="stopped")

    assert (going["provider"], going["model"], end["provider"]) == ("echo", "echo", "echo")


def test_the_metrics_count_the_run_for_who_answered(client: Client) -> None:
    client.send("counted")

    lines = client.http.get("/metrics").text.splitlines()
    runs = [line for line in lines if line.startswith('chatkeep_runs_total{provider="')]
    assert any('provider="echo",state="completed"' in line for line in runs)
    assert not any('provider="acme",state="completed"' in line for line in runs)


def test_when_nobody_answers_the_error_is_of_the_one_that_was_asked(client: Client) -> None:
    response = client.send("[[fail 0 provider_error]]", "nobody")

    problem = response.json()
    assert (response.status_code, problem["code"]) == (503, "provider_unavailable")
    assert problem["detail"].startswith("acme ")
    assert "Its fallback echo failed too: echo was asked to fail with provider_error." in problem["detail"]
    reply = client.history("nobody")["history"]["messages"][-1]
    assert (reply["provider"], reply["error"]) == ("acme", "provider_unavailable")
    assert [call["provider"] for call in reply["stats"]["failed"]] == ["acme", "echo"]


def test_a_failed_call_is_one_line_in_the_log(away: Server, client: Client) -> None:
    run_id = client.send("logged").json()["run_id"]

    lines = [entry for entry in away.log_entries if entry.get("run_id") == run_id and entry["level"] == "warning"]
    assert [(line["event"], line["provider"], line["code"], line["next"]) for line in lines] == [
        ("call_failed", "acme", "provider_unavailable", "echo"),
    ]
