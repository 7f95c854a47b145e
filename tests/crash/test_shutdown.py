"""A clean stop: SIGTERM lets the runs end, or seals what they have."""

import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import msgspec
import pytest

from tests.crash.promises import check_index, check_next_turn, check_nothing_left_over, check_replay
from tests.server import DEADLINE_S, Server, eventually, serving

SHORT = {"CHATKEEP_SHUTDOWN_S": "0.3"}
ENDLESS = "[[delay 0.02]] [[tokens 100000]]"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "chats"


@pytest.fixture
def server(folder: Path) -> Iterator[Server]:
    with serving(folder) as running:
        yield running


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_stops_with_exit_code_0(server: Server, number: signal.Signals) -> None:
    server.signal(number)

    assert server.wait() == 0


def test_a_stop_in_the_middle_of_a_run_lets_it_end_and_its_follower_gets_done(server: Server) -> None:
    with server.client.stream("[[delay 0.02]] [[tokens 30]]", "a") as stream:
        stream.until(5)
        server.signal(signal.SIGTERM)
        events = stream.rest()

    code = server.wait()
    assert not stream.lost
    assert events[-1].event == "done"
    _, reply = server.stored_messages("a")
    assert (reply["status"], reply["content"]) == ("complete", " ".join(f"w{n}" for n in range(30)))
    assert code == 0
    assert "Traceback" not in server.log


def test_a_caller_who_waits_for_the_whole_reply_gets_it_during_a_stop(server: Server) -> None:
    with httpx.Client(base_url=server.base_url, timeout=DEADLINE_S, trust_env=False) as http:
        request = http.build_request("POST", "/chat", json={"message": "[[tokens 30]] [[delay 0.02]]", "chat_id": "a"})
        with _sent(server, request) as connection:
            eventually(lambda: server.client.chats().get("a"))
            server.signal(signal.SIGTERM)
            answer = _read_answer(connection)

    assert answer.startswith(b"HTTP/1.1 200")
    assert b'"finish_reason":"stop"' in answer
    server.wait()


def test_a_stop_with_too_short_a_grace_seals_the_run_as_interrupted(folder: Path) -> None:
    with serving(folder, environment=SHORT) as server:
        with server.client.stream(ENDLESS, "a") as stream:
            stream.until(5)
            server.signal(signal.SIGTERM)
            events = stream.rest()
        code = server.wait()

        assert not stream.lost
        problem = events[-1].fields
        assert (events[-1].event, problem["code"], problem["status"]) == ("failed", "run_interrupted", 503)
        _, reply = server.stored_messages("a")
        assert (reply["status"], reply["error"]) == ("interrupted", "run_interrupted")
        seen = "".join(event.fields["text"] for event in events if event.event == "delta")
        assert reply["content"] == problem["partial"] == seen
        check_nothing_left_over(folder)
        assert code == 0
        assert "Traceback" not in server.log


def test_an_interrupted_run_can_be_followed_from_any_event_after_a_restart(folder: Path) -> None:
    with serving(folder, environment=SHORT) as server:
        with server.client.stream(ENDLESS, "a") as stream:
            stream.until(5)
            server.signal(signal.SIGTERM)
            events = stream.rest()
        server.wait()
        stopped = server.chat_file("a").read_bytes()

        server.start()
        assert server.chat_file("a").read_bytes() == stopped
        check_replay(server.client, server.stored_messages("a")[-1], events, stream.raw)
        run_id = events[0].fields["run_id"]
        for event in events[:-1]:
            assert server.client.follow(run_id, after=event.id) == events[event.id + 1 :]
        with server.client.following(run_id, after=events[-1].id) as stream:
            assert stream.response.status_code == 204
        check_index(server, "a")
        check_next_turn(server, "a")


def test_messages_that_wait_during_a_stop_are_kept_in_order(folder: Path) -> None:
    with serving(folder, environment=SHORT) as server:
        with server.client.stream(ENDLESS, "a") as stream:
            stream.until(3)
            run_ids = [server.client.begin(f"waiting {number}", "a") for number in range(3)]
            server.signal(signal.SIGTERM)
            stream.rest()
        server.wait()

        messages = server.stored_messages("a")
        assert [message["content"] for message in messages[2::2]] == [f"waiting {number}" for number in range(3)]
        assert [message["run_id"] for message in messages[3::2]] == run_ids
        assert {message["status"] for message in messages[1::2]} == {"interrupted"}
        check_nothing_left_over(folder)
        server.start()
        for reply in messages[1::2]:
            check_replay(server.client, reply, [])
        check_next_turn(server, "a")


def test_a_message_that_arrives_during_a_stop_is_refused_with_shutting_down(server: Server) -> None:
    body = msgspec.json.encode({"message": "too late", "chat_id": "late"})
    request = httpx.Request("POST", f"{server.base_url}/chat", content=body)
    with server.client.stream("[[delay 0.02]] [[tokens 60]]", "a") as stream:
        stream.until(3)
        with _sent(server, request, hold_back=5) as connection:
            server.signal(signal.SIGTERM)
            eventually(lambda: "Shutting down" in server.log)
            connection.sendall(body[-5:])
            answer = _read_answer(connection)
        events = stream.rest()

    server.wait()
    assert answer.startswith(b"HTTP/1.1 503")
    assert b'"code":"shutting_down"' in answer
    assert events[-1].event == "done"
    assert not server.chat_file("late").exists()


def test_a_new_connection_during_a_stop_is_refused(server: Server) -> None:
    with server.client.stream("[[delay 0.02]] [[tokens 60]]", "a") as stream:
        stream.until(3)
        server.signal(signal.SIGTERM)
        eventually(lambda: "Shutting down" in server.log)
        with httpx.Client(trust_env=False) as http, pytest.raises(httpx.ConnectError):
            http.post(f"{server.base_url}/chat", json={"message": "too late", "chat_id": "late"})
        stream.rest()

    server.wait()
    assert not server.chat_file("late").exists()


def test_a_second_signal_ends_the_wait_for_runs_and_keeps_their_text(server: Server) -> None:
    with server.client.stream(ENDLESS, "a") as stream:
        stream.until(5)
        server.signal(signal.SIGINT)
        eventually(lambda: "Shutting down" in server.log)
        server.signal(signal.SIGINT)
        stream.rest()

    code = server.wait()
    _, reply = server.stored_messages("a")
    assert reply["status"] == "interrupted"
    assert reply["content"].startswith("w0 w1 w2 ")
    check_nothing_left_over(server.folder)
    assert code == 0


def test_a_start_after_a_clean_stop_finds_everything_and_changes_no_file(server: Server) -> None:
    for number in range(3):
        server.client.send("hello", f"chat-{number}")
    listed = server.client.chats()
    server.terminate()
    files = {path.name: path.read_bytes() for path in server.folder.glob("*.json")}

    server.start()

    assert server.client.chats() == listed
    assert {path.name: path.read_bytes() for path in server.folder.glob("*.json")} == files


def _sent(server: Server, request: httpx.Request, hold_back: int = 0) -> "closing[socket.socket]":
    """A connection on which `request` was sent, but for its last `hold_back` bytes."""
    host, _, port = server.base_url.removeprefix("http://").partition(":")
    connection = socket.create_connection((host, int(port)), DEADLINE_S)
    body = request.read()
    head = "".join(
        f"{line}\r\n"
        for line in (
            f"POST {request.url.raw_path.decode()} HTTP/1.1",
            f"Host: {host}:{port}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
            "",
        )
    )
    connection.sendall(head.encode() + body[: len(body) - hold_back])
    return closing(connection)


def _read_answer(connection: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer
