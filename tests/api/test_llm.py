"""Provider views: which there are, how they are, and replies that are kept nowhere."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal

from tests.server import Client, Server, Stream, eventually, serving
from tests.upstream import Step, Upstream, answer, said, streamed, upstream

KEY = "sk-canary-0123456789abcdef"
MODELS = answer(200, b'{"data":[{"id":"m"}]}')


@contextmanager
def upstream_in_thread(*scripts: list[Step]) -> Iterator[Upstream]:
    """An upstream in a loop of its own, for tests that are not async."""
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(upstream(*scripts)) as running:
        yield running


def generate(client: Client, prompt: str, **fields: object) -> httpx.Response:
    return client.http.post("/api/llm/generate", json={"prompt": prompt, **fields})


def by_name(answer: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in answer["providers"]}


def test_every_known_provider_is_listed_with_state_error_and_models(client: Client) -> None:
    answer = client.http.get("/api/llm/providers").json()

    rows = by_name(answer)
    assert (answer["default"], answer["success"]) == ("echo", True)
    assert rows["echo"].keys() == {"name", "state", "error", "models", "last_checked", "retry_at"}
    assert rows["echo"]["models"] == ["echo", "echo-reasoning"]
    assert rows["echo"]["last_checked"].endswith("Z")
    assert (rows["openai"]["state"], rows["openai"]["error"]) == ("NOT_CONFIGURED", "Set OPENAI_API_KEY.")


def test_models_are_of_one_provider_or_of_all_and_their_ids_are_taken_as_models(client: Client) -> None:
    everyone = client.http.get("/api/llm/models").json()
    one = client.http.get("/api/llm/models", params={"provider": "ECHO"}).json()

    assert [row["id"] for row in one["models"]] == ["echo/echo", "echo/echo-reasoning"]
    assert everyone["models"] == one["models"]
    assert one["models"][0] == {
        "id": "echo/echo",
        "provider": "echo",
        "model": "echo",
        "context_tokens": 8192,
        "input_usd_per_mtok": None,
        "output_usd_per_mtok": None,
        "can_prefill": True,
        "can_see": False,
    }
    assert generate(client, "a", model="echo/echo-reasoning").json()["model"] == "echo-reasoning"
    assert client.http.get("/api/llm/models", params={"provider": "openai"}).json()["models"] == []
    unknown = client.http.get("/api/llm/models", params={"provider": "nobody"})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "provider_not_found")


def test_health_is_of_one_provider_or_of_all(client: Client) -> None:
    one = client.http.get("/api/llm/health", params={"provider": "Echo"}).json()
    everyone = client.http.get("/api/llm/health").json()

    assert (one["checked"], [row["name"] for row in one["providers"]]) == (False, ["echo"])
    assert set(by_name(everyone)) == set(by_name(client.http.get("/api/llm/providers").json()))
    unconfigured = client.http.get("/api/llm/health", params={"provider": "openai", "check": True}).json()
    assert unconfigured["providers"][0]["state"] == "NOT_CONFIGURED"


def test_a_check_asks_the_provider_now(client: Client) -> None:
    before = client.http.get("/api/llm/health", params={"provider": "echo"}).json()["providers"][0]
    after = client.http.get("/api/llm/health", params={"provider": "echo", "check": "true"}).json()

    assert (after["checked"], after["state"]) == (True, "healthy")
    assert after["providers"][0]["last_checked"] > before["last_checked"]


@pytest.mark.parametrize(
    ("query", "status"),
    [("provider=nobody", 404), ("provider=nobody&check=true", 404), ("provider=", 404), ("check=maybe", 422)],
)
def test_a_wrong_question_about_health_is_refused(client: Client, query: str, status: int) -> None:
    assert client.http.get(f"/api/llm/health?{query}").status_code == status


def test_a_generation_is_answered_with_figures_and_kept_nowhere(client: Client) -> None:
    response = generate(client, "three little words", temperature=0, max_tokens=2)
    answer = response.json()

    assert (answer["text"], answer["finish_reason"], answer["provider"], answer["model"]) == (
        "three little ",
        "length",
        "echo",
        "echo",
    )
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "estimated": False}
    assert answer["stats"].keys() == {"time_to_first_token_ms", "elapsed_ms", "tokens_per_second"}
    assert answer["request_id"] == response.headers["x-request-id"]
    assert client.http.get(f"/history/{answer['run_id']}").status_code == 404
    run = client.run(answer["run_id"])
    assert run["state"] == "completed"
    assert "chat_id" not in run


def test_the_functions_a_model_asks_for_are_in_the_answer(client: Client) -> None:
    tool = {"name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}

    answer = generate(client, 'Sure. [[tool add {"a": 1}]]', tools=[tool]).json()

    assert answer["tool_calls"] == [{"id": "call_0", "name": "add", "arguments": '{"a": 1}'}]
    assert answer["finish_reason"] == "tool_calls"
    assert "tool_calls" not in generate(client, "hello").json()


@pytest.mark.parametrize(("path", "fields"), [("generate", {"stream": True}), ("stream", {})])
def test_a_generation_streams_the_grammar_of_runs(client: Client, path: str, fields: dict[str, object]) -> None:
    with client.http.stream("POST", f"/api/llm/{path}", json={"prompt": "two words", **fields}) as response:
        events = Stream(response).rest()

    assert response.headers["content-type"].startswith("text/event-stream")
    assert "x-chat-id" not in response.headers
    assert [event.event for event in events] == ["start", "delta", "delta", "usage", "done"]
    assert "chat_id" not in events[0].fields
    assert client.follow(events[0].fields["run_id"]) == events


def test_a_generation_can_be_asked_for_as_a_stream_by_accept(client: Client) -> None:
    response = client.http.post("/api/llm/generate", json={"prompt": "a"}, headers={"Accept": "text/event-stream"})

    assert response.headers["content-type"].startswith("text/event-stream")


def test_a_generation_is_listed_and_stopped_as_any_run(client: Client) -> None:
    with client.http.stream("POST", "/api/llm/stream", json={"prompt": "go [[hang 1]]"}) as response:
        stream = Stream(response)
        run_id = stream.until(2)[0].fields["run_id"]
        listed = client.http.get("/runs").json()["runs"]

        receipt = client.http.post(f"/runs/{run_id}/stop").json()
        last = stream.rest()[-1]

    assert run_id in [run["run_id"] for run in listed]
    assert (receipt["state"], receipt["upstream_closed"]) == ("stopped", True)
    assert (last.event, last.fields["state"]) == ("done", "stopped")


@pytest.mark.parametrize(
    ("code", "status"), [("provider_error", 502), ("provider_unavailable", 503), ("provider_timeout", 504)]
)
def test_a_failed_generation_is_a_problem_with_its_partial(client: Client, code: str, status: int) -> None:
    response = generate(client, f"a b c [[fail 2 {code}]]")

    found = response.json()
    assert (response.status_code, found["code"], found["partial"]) == (status, code, "a b ")
    assert "chat_id" not in found


def test_a_prompt_that_is_too_long_for_the_model_is_refused(client: Client) -> None:
    response = generate(client, "word " * 20_000)

    assert (response.status_code, response.json()["code"]) == (422, "context_too_long")


@pytest.mark.parametrize(
    "fields",
    [
        {"prompt": ""},
        {"prompt": 1},
        {"prompt": "a\0"},
        {"prompt": "a", "temperature": 3},
        {"prompt": "a", "max_tokens": 0},
        {"prompt": "a", "stream": "yes"},
        {"prompt": "a", "tools": [{"name": "two words"}]},
        {"prompt": "a", "api_base": "http://127.0.0.1"},
        {},
    ],
)
@pytest.mark.parametrize("path", ["generate", "stream"])
def test_a_wrong_generation_is_refused(client: Client, path: str, fields: dict[str, object]) -> None:
    response = client.http.post(f"/api/llm/{path}", json=fields)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_an_unknown_or_unconfigured_provider_is_refused(client: Client) -> None:
    assert generate(client, "a", provider="nobody").json()["code"] == "provider_not_found"
    assert generate(client, "a", provider="openai").json()["code"] == "provider_not_configured"


def test_an_idempotency_key_gives_the_same_generation(client: Client) -> None:
    headers = {"Idempotency-Key": "generate-once"}
    body = {"prompt": "once"}
    first, again = (client.http.post("/api/llm/generate", json=body, headers=headers).json() for _ in range(2))
    other = client.http.post("/api/llm/generate", json={"prompt": "twice"}, headers=headers)

    assert first["run_id"] == again["run_id"]
    assert other.json()["code"] == "idempotency_mismatch"


def test_more_than_a_hundred_generations_at_once_are_refused_with_a_wait(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as running:
        client, open_ = running.client, []
        limits = httpx.Limits(max_connections=None)
        with httpx.Client(base_url=running.base_url, timeout=20, limits=limits, trust_env=False) as http:
            for _ in range(100):
                request = http.build_request("POST", "/api/llm/stream", json={"prompt": "[[first-delay 1000]] a"})
                open_.append(http.send(request, stream=True))
            refused = generate(client, "a")
            for response in open_:
                response.close()

    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert refused.headers["retry-after"] == "1"


def test_tokens_are_estimated_and_marked_so_on_every_view_when_the_provider_gives_none(tmp_path: Path) -> None:
    with upstream_in_thread(MODELS, streamed(*said("Hello ", "there"))) as service:
        environment = {"ACME_BASE_URL": service.url, "CHATKEEP_PROVIDER": "acme", "ACME_MODEL": "m"}
        with serving(tmp_path / "chats", environment=environment) as running:
            http = running.client.http
            eventually(lambda: by_name(http.get("/api/llm/providers").json())["acme"]["last_checked"])
            generated = http.post("/api/llm/generate", json={"prompt": "hi"}).json()
            streams = [
                http.post("/api/llm/stream", json={"prompt": "hi"}),
                http.post("/stream", json={"prompt": "hi"}, params={"stream_format": "sse"}),
                http.post("/api/v1/chat", json={"message": "hi"}),
            ]
            chat = http.post("/chat", json={"message": "hi"}).json()

    assert (generated["text"], chat["response"]) == ("Hello there", "Hello there")
    for usage in (generated["usage"], chat["usage"]):
        assert usage["estimated"] is True
        assert usage["completion_tokens"] >= 2
    for response in streams:
        assert '"estimated":true' in response.text
        assert '"estimated":false' not in response.text


def test_a_providers_error_never_shows_its_key_and_health_shows_no_error_at_all(tmp_path: Path) -> None:
    echoing = answer(401, b'{"error":{"message":"Wrong key: %s"}}' % KEY.encode())
    with upstream_in_thread(echoing) as service:
        environment = {"ACME_BASE_URL": service.url, "ACME_API_KEY": KEY, "ACME_MODEL": "m"}
        with serving(tmp_path / "chats", environment=environment) as running:
            http = running.client.http
            eventually(lambda: by_name(http.get("/api/llm/providers").json())["acme"]["error"])
            answers = [
                http.get("/api/llm/providers"),
                http.get("/api/llm/health", params={"check": True}),
                http.get("/api/v1/help"),
                http.post("/api/llm/generate", json={"prompt": "a", "provider": "acme"}),
                http.post("/api/llm/stream", json={"prompt": "a", "provider": "acme"}),
            ]
            public = [http.get("/health"), http.get("/api/v1/health")]
            log = running.log

    assert all("Wrong key: [key]" in response.text for response in answers)
    assert not any(KEY in response.text for response in answers + public)
    assert not any("Wrong key" in response.text for response in public)
    assert KEY not in log


def test_a_provider_that_never_answers_delays_neither_readiness_nor_the_lists(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        environment = {f"ACME{number}_BASE_URL": address for number in range(5)}
        environment |= {f"ACME{number}_MODEL": "m" for number in range(5)}
        with serving(tmp_path / "chats", environment=environment) as running:
            client = running.client
            ready = client.http.get("/health/ready").status_code
            reply = client.send("at once").json()["response"]
            listed = client.http.get("/api/llm/models").json()["models"]
            checked = client.http.get("/api/llm/health", params={"provider": "acme0", "check": True}).json()

    assert (ready, reply) == (200, "at once")
    assert {row["id"] for row in listed} >= {"acme0/m", "acme4/m", "echo/echo"}
    assert checked["providers"][0]["error"] == "It did not answer within 3 s."


def test_a_stop_of_the_server_ends_a_generation_that_goes_on(tmp_path: Path) -> None:
    server = Server(tmp_path / "chats", environment={"CHATKEEP_SHUTDOWN_S": "0.3"})
    server.start()
    try:
        with server.client.http.stream("POST", "/api/llm/stream", json={"prompt": "a [[hang 1]]"}) as response:
            stream = Stream(response)
            stream.until(2)
            code = server.terminate()
            last = stream.rest()[-1]
    finally:
        server.close()

    assert code == 0
    assert (last.event, last.fields["code"]) == ("failed", "run_interrupted")
