"""What the doctor tries: test streams, a socket that echoes, and what a request looks like when it arrives."""

import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from chatkeep.api.open_connections import MOST
from tests.api.conftest import Keyed, key_of
from tests.server import DEADLINE_S, Client, Server, eventually, serving

_EVENT = {"sent_ms": 0, "arrived_ms": 0, "size_bytes": 1}

SECRETS = {
    "Cookie": "chatkeep_session=secret-of-mine",
    "Authorization": "Basic secret-of-mine",
    "X-Other": "secret-of-mine",
}


def events(text: str) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if line.startswith("data: ")]


@contextmanager
def echoing(server: Server, **headers: str) -> Iterator[ClientConnection]:
    address = server.base_url.replace("http", "ws") + "/doctor/socket"
    with connect(address, additional_headers=headers, proxy=None, close_timeout=DEADLINE_S) as opened:
        yield opened


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_test_stream_has_numbered_events_with_their_times_and_a_last_one(client: Client, method: str) -> None:
    answer = client.http.request(method, "/doctor/stream", params={"count": 3, "interval_ms": 10})

    found = events(answer.text)
    assert [event["number"] for event in found] == [0, 1, 2, 3]
    assert [event["is_last"] for event in found] == [False, False, False, True]
    sent = [event["sent_ms"] for event in found]
    assert sent == sorted(sent)


def test_a_test_stream_wears_the_headers_of_a_real_one(client: Client) -> None:
    real = client.http.post("/chat", json={"message": "hi", "stream": True})
    test = client.http.get("/doctor/stream", params={"count": 1})

    own = {"x-run-id", "x-chat-id", "x-request-id"}
    assert {name: test.headers[name] for name in real.headers.keys() - own} == (
        {name: real.headers[name] for name in real.headers.keys() - own}
    )


def test_silence_is_broken_by_comments_only_where_they_are_asked_for(client: Client) -> None:
    silent = client.http.get("/doctor/stream", params={"count": 1, "silence_s": 0.2})
    lasting = client.http.get("/doctor/stream", params={"count": 1, "silence_s": 0.2, "ping_s": 0.05})

    assert [line for line in silent.text.splitlines() if line.startswith(":")] == []
    assert ": ping\n" in lasting.text
    for answer in (silent, lasting):
        first, last = events(answer.text)
        assert last["sent_ms"] - first["sent_ms"] >= 199


def test_padding_makes_every_event_that_much_larger(client: Client) -> None:
    small, large = (
        client.http.get("/doctor/stream", params={"count": 2, "interval_ms": 10, "padding_bytes": padding}).text
        for padding in (0, 5000)
    )

    assert [len(event["padding"]) for event in events(large)] == [5000, 5000, 0]
    assert len(large) - len(small) in range(9990, 10010)


@pytest.mark.parametrize(
    "query",
    [
        *({"count": 0}, {"count": 101}, {"interval_ms": 9}, {"interval_ms": 1001}, {"padding_bytes": 8193}),
        *({"silence_s": 121}, {"silence_s": -1}, {"silence_s": "nan"}, {"ping_s": 61}, {"ping_s": 0.001}),
    ],
)
def test_a_test_stream_has_bounds(client: Client, query: dict[str, object]) -> None:
    answer = client.http.get("/doctor/stream", params=query)  # type: ignore[arg-type]

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


def test_no_owner_has_more_test_streams_than_a_few_and_others_have_theirs(keyed: Keyed) -> None:
    query = {"count": 1, "silence_s": 60}
    with ExitStack() as stack:
        for _ in range(MOST["probe"]):
            answer = stack.enter_context(keyed.alice.http.stream("GET", "/doctor/stream", params=query))
            assert answer.status_code == 200
        refused = keyed.alice.http.get("/doctor/stream", params=query)
        with pytest.raises(InvalidStatus) as no_socket, echoing(keyed.server, **{"X-API-Key": key_of(keyed.alice)}):
            pass
        others = keyed.bob.http.get("/doctor/stream", params={"count": 1})

    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert no_socket.value.response.status_code == 429
    assert others.status_code == 200
    eventually(lambda: keyed.alice.http.get("/doctor/stream", params={"count": 1}).status_code == 200)


def test_a_test_stream_of_a_revoked_key_ends(tmp_path: Path) -> None:
    with serving(tmp_path / "chats", start=False) as server:
        server.add_key("other")
        client = Client("", server.add_key("alice"))
        client.http.base_url = httpx.URL(server.start().base_url)
        with client.http, client.http.stream("GET", "/doctor/stream", params={"silence_s": 120}) as answer:
            lines = answer.iter_lines()
            next(lines)
            server.keys("revoke", "alice")

            with pytest.raises(httpx.RemoteProtocolError):
                list(lines)


def test_a_server_that_stops_does_not_wait_for_test_streams(tmp_path: Path) -> None:
    with (
        serving(tmp_path / "chats") as server,
        server.client.http.stream("GET", "/doctor/stream", params={"silence_s": 120}) as answer,
    ):
        lines = answer.iter_lines()
        next(lines)
        server.signal(signal.SIGTERM)

        with pytest.raises(httpx.RemoteProtocolError):
            list(lines)
        assert server.wait() == 0


def test_a_request_is_described_without_anything_secret(client: Client) -> None:
    headers = {**SECRETS, "Via": "1.1 proxy", "X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.5"}
    answer = client.http.get("/doctor/request", headers=headers)

    seen = answer.json()
    assert "secret-of-mine" not in answer.text
    assert (seen["http_version"], seen["scheme"], seen["address"]) == ("1.1", "https", "127.0.0.5")
    assert seen["is_forwarded"] is True
    assert (seen["headers"]["via"], seen["headers"]["host"]) == ("1.1 proxy", client.http.base_url.netloc.decode())
    assert seen["max_body_bytes"] == 1_048_576


def test_the_address_of_a_client_without_a_proxy_is_its_own(client: Client) -> None:
    seen = client.http.get("/doctor/request").json()

    assert (seen["address"], seen["is_forwarded"]) == ("127.0.0.1", False)


def test_a_long_or_repeated_header_is_shown_in_part_and_joined(client: Client) -> None:
    pairs = [("Via", "1.1 one"), ("Via", "1.1 two"), ("Forwarded", "x" * 5000)]
    seen = client.http.get("/doctor/request", headers=pairs).json()

    assert seen["headers"]["via"] == "1.1 one, 1.1 two"
    assert len(seen["headers"]["forwarded"]) == 500


def test_a_body_is_counted_and_one_that_is_too_large_refused(client: Client) -> None:
    taken = client.http.post("/doctor/body", content=b"x" * 1_048_576)
    refused = client.http.post("/doctor/body", content=b"x" * 1_048_577)

    assert taken.json()["received_bytes"] == 1_048_576
    assert (refused.status_code, refused.json()["code"]) == (413, "body_too_large")


def test_the_socket_sends_back_what_comes_a_few_times_and_then_closes(server: Server) -> None:
    with echoing(server) as opened:
        for number in range(8):
            opened.send(f"message {number}")
            assert opened.recv(DEADLINE_S) == f"message {number}"

        with pytest.raises(ConnectionClosed):
            opened.recv(DEADLINE_S)


def test_bytes_on_the_socket_end_it_and_break_nothing(server: Server) -> None:
    with echoing(server) as opened:
        opened.send(b"\x00\xff")

        with pytest.raises(ConnectionClosed):
            opened.recv(DEADLINE_S)
    assert "request_crashed" not in server.log


def test_a_report_is_made_of_what_a_page_has_seen(client: Client) -> None:
    seen = {
        "url": "https://chat.example.org",
        "headers": {"server": "nginx/1.22.1"},
        "protocol": "h2",
        "arrived": client.http.get("/doctor/request").json(),
        "streams": [{"stream": "get", "status": 200, "is_whole": True, "events": _held(12)}],
        "socket": {"is_open": False, "has_echoed": False},
    }
    answer = client.http.post("/doctor/report", json=seen).json()

    assert answer["again"] == ["get"]
    assert (answer["report"]["verdict"], answer["report"]["proxies"]) == ("problem", ["nginx"])
    problems = [row["check"] for row in answer["report"]["findings"] if row["verdict"] == "problem"]
    assert problems == ["buffering", "websocket"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "x" * 2001},
        {"url": "x", "streams": [{"stream": "get", "status": 200, "events": [[0, 0, 0]] * 501}]},
        {"url": "x", "streams": [{"stream": "other", "status": 200}]},
        {"url": "x", "headers": {"server": "x" * 501}},
        {"url": "http://["},
        {"url": "x", "redirected_to": "http://[::1"},
        {"url": "x", "posts": [{"post": "large", "status": 0, "size_bytes": 10**400}]},
        {"url": "x", "streams": [{"stream": "padded", "status": 200, "events": [{**_EVENT, "size_bytes": 2**53}]}]},
    ],
)
def test_a_report_of_what_cannot_have_been_seen_is_refused(client: Client, wrong: dict[str, object]) -> None:
    assert client.http.post("/doctor/report", json=wrong).status_code == 422


def test_the_page_runs_no_script_that_stands_in_it_and_names_no_other_host(client: Client) -> None:
    page = client.http.get("/doctor")

    policy = dict(part.split(" ", 1) for part in page.headers["content-security-policy"].split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "data:",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert "//" not in page.text
    for name, kind in (("page.js", "text/javascript"), ("page.css", "text/css")):
        assert f"doctor/assets/{name}" in page.text
        assert client.http.get(f"/doctor/assets/{name}").headers["content-type"] == f"{kind}; charset=utf-8"


def test_the_page_is_found_with_a_slash_behind_its_name_too(client: Client) -> None:
    answer = client.http.get("/doctor/?silence=1")

    assert (answer.status_code, answer.headers["location"]) == (308, "../doctor?silence=1")
    assert answer.next_request is not None
    assert answer.next_request.url.raw_path == b"/doctor?silence=1"


def _held(count: int) -> list[dict[str, float]]:
    return [{"sent_ms": number * 200, "arrived_ms": 3000, "size_bytes": 100} for number in range(count)]
