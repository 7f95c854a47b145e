"""Traces: spans of requests and runs, as a collector gets them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.collector import CollectedSpan, Collector, collecting
from tests.server import Server, eventually, serving

SERVER, CLIENT = 2, 3  # kinds of spans: opentelemetry/proto/trace/v1/trace.proto
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
KEY = "ck_" + "k" * 43


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as running:
        yield running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, collector: Collector) -> Iterator[Server]:
    environment = {"CHATKEEP_OTEL": "true", **to(collector.url)}
    with serving(tmp_path_factory.mktemp("traces") / "chats", environment=environment) as running:
        yield running


def to(url: str) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_BSP_SCHEDULE_DELAY": "50"}


def run_span(collector: Collector, chat_id: str) -> CollectedSpan:
    """The span of the one run in that chat."""

    def found() -> list[CollectedSpan]:
        return [span for span in list(collector.spans) if span.attributes.get("gen_ai.conversation.id") == chat_id]

    (span,) = eventually(found)
    return span


def parent_of(span: CollectedSpan, collector: Collector) -> CollectedSpan:
    return eventually(lambda: [each for each in list(collector.spans) if each.span_id == span.parent_id])[0]


def test_a_run_is_a_client_span_with_the_attributes_of_generative_ai(server: Server, collector: Collector) -> None:
    answer = server.client.send("one two", "attributes", temperature=0.5, max_tokens=50).json()

    span = run_span(collector, "attributes")
    assert (span.name, span.kind, span.is_error) == (f"chat {answer['model']}", CLIENT, False)
    first_s = span.attributes.pop("gen_ai.response.time_to_first_chunk")
    assert first_s == pytest.approx(answer["stats"]["time_to_first_token_ms"] / 1000)
    assert span.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "echo",
        "gen_ai.request.model": answer["model"],
        "gen_ai.response.model": answer["model"],
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.conversation.id": "attributes",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": answer["usage"]["prompt_tokens"],
        "gen_ai.usage.output_tokens": answer["usage"]["completion_tokens"],
        "chatkeep.run.id": answer["run_id"],
        "chatkeep.run.state": "completed",
    }
    assert span.resource["service.name"] == "chatkeep"


def test_a_run_is_a_child_of_its_request_and_that_of_who_called(server: Server, collector: Collector) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-ID": "traced"}
    server.client.send("hi", "parents", headers=headers)

    run = run_span(collector, "parents")
    request = parent_of(run, collector)
    assert (run.trace_id, request.trace_id, request.parent_id) == (TRACE, TRACE, PARENT)
    assert (request.name, request.kind) == ("POST /chat", SERVER)
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/chat",
        "http.response.status_code": 200,
        "url.scheme": "http",
    }
    logged = eventually(lambda: [entry for entry in server.log_entries if entry.get("request_id") == "traced"])
    assert {entry["trace_id"] for entry in logged} == {TRACE}


def test_a_generation_outside_any_chat_names_no_conversation(server: Server, collector: Collector) -> None:
    run_id = server.client.http.post("/api/llm/generate", json={"prompt": "one"}).json()["run_id"]

    def found() -> list[CollectedSpan]:
        return [span for span in list(collector.spans) if span.attributes.get("chatkeep.run.id") == run_id]

    (span,) = eventually(found)
    assert "gen_ai.conversation.id" not in span.attributes
    assert parent_of(span, collector).name == "POST /api/llm/generate"


@pytest.mark.parametrize("given", ["garbage", f"00-{'0' * 32}-{PARENT}-01", "00-zz-zz-01", "é"])
def test_a_parent_that_is_none_begins_a_new_trace(server: Server, collector: Collector, given: str) -> None:
    chat_id = f"bad-parent-{sum(given.encode())}"
    answer = server.client.send("hi", chat_id, headers=[("traceparent", given.encode())])  # type: ignore[arg-type]

    assert answer.status_code == 200
    assert parent_of(run_span(collector, chat_id), collector).parent_id == ""


def test_a_failed_run_has_the_code_of_its_error_and_not_its_words(server: Server, collector: Collector) -> None:
    server.client.send("[[fail 1 provider_error]]", "failing")

    span = run_span(collector, "failing")
    assert (span.is_error, span.attributes["error.type"]) == (True, "provider_error")
    assert span.attributes["chatkeep.run.state"] == "failed"
    request = parent_of(span, collector)
    assert (request.is_error, request.attributes["error.type"]) == (True, "502")


def test_a_run_that_outlives_its_request_is_its_child_all_the_same(server: Server, collector: Collector) -> None:
    run_id = server.client.begin("[[delay 0.01]] [[tokens 20]]", "background")
    server.client.follow(run_id)

    assert parent_of(run_span(collector, "background"), collector).name == "POST /chat"


def test_a_run_that_was_stopped_before_its_provider_was_called_has_a_span(server: Server, collector: Collector) -> None:
    first = server.client.begin("[[delay 0.02]] [[tokens 5000]]", "lane")
    second = server.client.begin("hi", "lane")
    for run_id in (second, first):
        server.client.http.post(f"/runs/{run_id}/stop")

    def found() -> list[CollectedSpan]:
        return [span for span in list(collector.spans) if span.attributes.get("chatkeep.run.id") == second]

    assert eventually(found)[0].attributes["chatkeep.run.state"] == "stopped"


def test_no_text_no_key_and_no_path_is_sent_and_probes_make_no_span(server: Server, collector: Collector) -> None:
    headers = {"Authorization": f"Bearer {KEY}", "X-API-Key": KEY, "Cookie": f"session={KEY}"}
    server.client.send("xyzzy-in-a-message", "private", headers=headers, system_prompt="xyzzy-in-a-prompt")
    server.client.send("xyzzy [[fail 1 provider_error]]", "private-2", headers=headers)
    server.client.http.get("/chat/history/xyzzy-path?before=xyzzy-query", headers=headers)
    for path in ("/health", "/health/ready", "/api/v1/health", "/metrics"):
        server.client.http.get(path)
    server.client.send("hi", "after-all")

    run_span(collector, "private-2")
    run_span(collector, "after-all")
    assert eventually(lambda: collector.named("GET /chat/history/{chat_id}"))
    assert b"xyzzy" not in collector.raw
    assert KEY.encode() not in collector.raw
    assert not [span for span in collector.spans if "/health" in span.name or "/metrics" in span.name]


def test_the_usual_variables_name_the_service(tmp_path: Path, collector: Collector) -> None:
    environment = {"CHATKEEP_OTEL": "true", "OTEL_SERVICE_NAME": "my-chats", **to(collector.url)}
    with serving(tmp_path / "chats", environment=environment) as server:
        server.client.send("hi", "service-name")
        server.terminate()  # what waits is sent at the stop

    assert run_span(collector, "service-name").resource["service.name"] == "my-chats"


def test_a_collector_that_is_not_there_harms_neither_runs_nor_the_stop(tmp_path: Path) -> None:
    # What the library would take for its last try is more than `terminate` waits.
    environment = {"CHATKEEP_OTEL": "true", "OTEL_EXPORTER_OTLP_TIMEOUT": "60", **to("http://127.0.0.1:9")}
    with serving(tmp_path / "chats", environment=environment) as server:
        for number in range(20):
            assert server.client.send("hi", f"chat-{number}").status_code == 200

        assert server.terminate() == 0
