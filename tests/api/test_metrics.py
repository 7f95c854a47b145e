"""`GET /metrics`."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from tests.server import Server, eventually, serving

SLOW = "[[delay 0.02]] [[tokens 5000]]"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path / "chats") as running:
        yield running


def samples(server: Server) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Every figure by its name and labels."""
    page = server.client.http.get("/metrics").text
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(page)
        for sample in family.samples
    }


def figure(server: Server, name: str, **labels: str) -> float:
    """One figure; 0 when it is not there."""
    return samples(server).get((f"chatkeep_{name}", frozenset(labels.items())), 0.0)


def test_a_run_is_counted_with_its_tokens_and_times(server: Server) -> None:
    usage = server.client.send("one two three", "counted").json()["usage"]

    assert figure(server, "runs_total", provider="echo", state="completed") == 1
    estimated = str(usage["estimated"]).lower()
    for kind in ("prompt", "completion"):
        tokens = figure(server, "tokens_total", provider="echo", kind=kind, estimated=estimated)
        assert tokens == usage[f"{kind}_tokens"]
    assert figure(server, "time_to_first_token_seconds_count", provider="echo") == 1
    assert figure(server, "run_duration_seconds_count", provider="echo") == 1
    assert figure(server, "run_duration_seconds_sum", provider="echo") > 0


def test_runs_are_counted_by_how_they_ended(server: Server) -> None:
    server.client.send("[[fail 1 provider_error]]", "failing")
    run_id = server.client.begin(SLOW, "stopped")
    server.client.http.post(f"/runs/{run_id}/stop")

    assert figure(server, "runs_total", provider="echo", state="failed") == 1
    assert figure(server, "runs_total", provider="echo", state="stopped") == 1


def test_a_request_is_counted_and_timed_by_route_and_status(server: Server) -> None:
    server.client.send("hi", "a")
    server.client.http.get("/chat/history/a")
    server.client.http.get("/chat/history/none")
    server.client.http.get("/chat/history/none-either")

    route = "/chat/history/{chat_id}"
    assert figure(server, "http_requests_total", method="POST", route="/chat", status="200") == 1
    assert figure(server, "http_requests_total", method="GET", route=route, status="200") == 1
    assert figure(server, "http_requests_total", method="GET", route=route, status="404") == 2
    assert figure(server, "http_request_duration_seconds_count", method="GET", route=route) == 3


def test_requests_for_no_route_share_one_label(server: Server) -> None:
    for number in range(20):
        server.client.http.get(f"/nowhere/{number}")

    assert figure(server, "http_requests_total", method="GET", route="unmatched", status="404") == 20
    assert "nowhere" not in server.client.http.get("/metrics").text


def test_no_id_and_no_text_is_on_the_page(server: Server) -> None:
    run_id = server.client.send("xyzzy", "my-chat").json()["run_id"]
    server.client.http.get(f"/runs/{run_id}")

    page = server.client.http.get("/metrics").text
    assert not [word for word in ("my-chat", run_id, "xyzzy", "anonymous") if word in page]


def test_store_and_journal_are_timed_by_operation(server: Server) -> None:
    server.client.send("hi", "a")
    server.client.chats()

    for operation in ("load", "save", "summaries"):
        assert figure(server, "store_operation_duration_seconds_count", operation=operation) >= 1
    for operation in ("create", "append"):
        assert figure(server, "journal_operation_duration_seconds_count", operation=operation) >= 1
    assert figure(server, "store_failures_total", operation="load") == 0


def test_a_chat_that_cannot_be_read_is_a_failure_of_the_store_and_a_missing_one_is_not(server: Server) -> None:
    server.chat_file("broken").write_text("no chat")
    server.client.http.get("/chat/history/broken")
    server.client.http.get("/chat/history/missing")

    assert figure(server, "store_failures_total", operation="load") == 1


def test_a_stream_is_open_while_somebody_reads_it(server: Server) -> None:
    assert figure(server, "open_streams") == 0
    with server.client.stream(SLOW, "open") as stream:
        stream.until(2)
        assert figure(server, "open_streams") == 1

    assert eventually(lambda: figure(server, "open_streams") == 0)


def test_runs_are_going_or_waiting_until_they_ended(server: Server) -> None:
    first, second = (server.client.begin(SLOW, "lane") for _ in range(2))
    assert eventually(lambda: (figure(server, "runs_going"), figure(server, "runs_waiting")) == (1, 1))

    for run_id in (second, first):
        server.client.http.post(f"/runs/{run_id}/stop")
    assert eventually(lambda: (figure(server, "runs_going"), figure(server, "runs_waiting")) == (0, 0))


def test_queues_providers_version_and_process_are_shown(server: Server) -> None:
    server.client.send("hi", "a")

    assert eventually(lambda: figure(server, "index_changes_waiting") == 0)
    assert figure(server, "journal_runs_waiting") == 0
    assert figure(server, "open_websockets") == 0
    assert eventually(lambda: figure(server, "provider_healthy", provider="echo") == 1)
    names = {name for name, _ in samples(server)}
    assert {"chatkeep_build_info", "process_cpu_seconds_total", "process_resident_memory_bytes"} <= names
    assert not [name for name in names if name.endswith("_created")]


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("nonsense;;;,=", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
def test_the_page_is_in_prometheus_text_format(server: Server, accept: str, content_type: str) -> None:
    response = server.client.http.get("/metrics", headers={"Accept": accept})

    assert response.headers.get_list("content-type") == [content_type]
    assert list(parse(response.text))


def test_who_asks_for_openmetrics_gets_it(server: Server) -> None:
    response = server.client.http.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"})

    assert response.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert "chatkeep_runs" in {family.name for family in parse_openmetrics(response.text)}  # type: ignore[no-untyped-call]


def test_without_metrics_the_page_is_404(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", environment={"CHATKEEP_METRICS": "false"}) as server:
        assert server.client.send("hi", "a").status_code == 200
        response: httpx.Response = server.client.http.get("/metrics")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
    assert "CHATKEEP_METRICS" in response.json()["detail"]
