"""The client of the commands, against a real server and over lines that break."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatkeep.api.schemas import ChatList, Confirmation, HistoryAnswer, SendAnswer
from chatkeep.chat.events import Delta, Done, Problem, RunEvent, Start
from chatkeep.cli.answers import path_of
from chatkeep.cli.client import Client
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.cli.following import Reconnecting
from tests.server import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("client") / "chats") as running:
        yield running


@contextlib.contextmanager
def client_of(url: str, patience_s: float = 20.0) -> Iterator[Client]:
    with Client(url, name="the server", patience_s=patience_s) as client:
        yield client


class Line:
    """Passes bytes on to a server, and cuts the line after `cut_after` bytes of each answer but the last one."""

    def __init__(self, url: str, cut_after: list[int]) -> None:
        self._to = ("127.0.0.1", int(url.rpartition(":")[2]))
        self._cuts = cut_after
        self._far: socket.socket | None = None
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.requests: list[bytes] = []
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                with near, socket.create_connection(self._to) as far:
                    self._far = far
                    self._pass_on(near, far)

    def _pass_on(self, near: socket.socket, far: socket.socket) -> None:
        asked = _whole_request(near)
        self.requests.append(asked)
        far.sendall(asked)
        left = self._cuts.pop(0) if self._cuts else 10**9
        while left and (piece := far.recv(min(left, 65536))):
            near.sendall(piece)
            left -= len(piece)

    def close(self) -> None:
        # Why not only close: on Linux that does not wake who waits in accept.
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        if self._far is not None:
            with contextlib.suppress(OSError):  # it is closed already
                self._far.shutdown(socket.SHUT_RDWR)
        self._thread.join()


@contextlib.contextmanager
def line_to(server: Server, *cut_after: int) -> Iterator[Line]:
    with contextlib.closing(Line(server.base_url, list(cut_after))) as line:
        yield line


def events_of(found: list[RunEvent | Reconnecting]) -> list[RunEvent]:
    return [event for event in found if not isinstance(event, Reconnecting)]


def text_of(found: list[RunEvent | Reconnecting]) -> str:
    return "".join(event.text for event in found if isinstance(event, Delta))


def test_a_chat_is_sent_listed_read_and_deleted(server: Server) -> None:
    with client_of(server.base_url) as client:
        sent = client.post("/chat", {"message": "Hello", "chat_id": "one"}, SendAnswer)
        listed = client.get("/chat/history", ChatList, {"limit": 5, "cursor": None})
        read = client.get(path_of("/chat/history/{}", "one"), HistoryAnswer)
        client.delete(path_of("/chat/delete/{}", "one"), Confirmation, {"purge": True})
        with pytest.raises(CliError) as gone:
            client.get(path_of("/chat/history/{}", "one"), HistoryAnswer)

    assert "one" in listed.chats
    assert read.history.messages[-1].content == sent.response
    assert gone.value.exit_code == ExitCode.NOT_FOUND
    assert gone.value.problem_code == "chat_not_found"
    assert "one" in gone.value.message


def test_a_download_comes_as_it_is(server: Server) -> None:
    with client_of(server.base_url) as client, client.download("/openapi.json") as pieces:
        assert b"".join(pieces).startswith(b"{")


def test_a_download_of_what_is_not_there_is_refused_with_its_exit_code(server: Server) -> None:
    with client_of(server.base_url) as client, pytest.raises(CliError) as found, client.download("/runs/nothing"):
        pass
    assert found.value.exit_code == ExitCode.NOT_FOUND


def test_an_upload_is_read_piece_by_piece(server: Server) -> None:
    pieces = iter([b'{"message": "from ', b'pieces", "chat_id": "pieces"}'])
    with client_of(server.base_url) as client:
        answer = client.upload("/chat", pieces, "application/json", SendAnswer)
    assert answer.chat_id == "pieces"


def test_the_events_of_a_run_come_decoded_and_in_order(server: Server) -> None:
    with client_of(server.base_url) as client:
        found = list(client.events("/chat", {"message": "[[tokens 5]]", "stream": True}))
    assert isinstance(found[0], Start)
    assert isinstance(found[-1], Done)
    assert text_of(found)


@pytest.mark.parametrize("cuts", [(1,), (0, 40), (700,), (700, 650, 0, 900)])
def test_a_run_goes_on_where_the_line_broke_and_is_begun_once(server: Server, cuts: tuple[int, ...]) -> None:
    chat_id = f"broken-{'-'.join(map(str, cuts))}"
    body = {"message": "[[tokens 30]]", "chat_id": chat_id, "stream": True}
    with line_to(server, *cuts) as line, client_of(line.url) as client:
        found = list(client.events("/chat", body))

    stored = server.stored_messages(chat_id)
    assert [message["role"] for message in stored] == ["user", "assistant"]
    assert text_of(found) == stored[-1]["content"]
    assert [type(event) for event in events_of(found)].count(Start) == 1
    assert [event.attempt for event in found if isinstance(event, Reconnecting)][:1] == [1]
    assert len(line.requests) > len(cuts)


def test_a_run_of_another_client_is_followed_from_any_event_on(server: Server) -> None:
    run_id = server.client.begin("[[tokens 12]]", "followed")
    with client_of(server.base_url) as client:
        whole = events_of(list(client.follow(run_id)))
        rest = events_of(list(client.follow(run_id, after=4)))
        nothing = list(client.follow(run_id, after=len(whole) - 1))
    assert rest == whole[5:]
    assert nothing == []


def test_a_request_is_sent_again_when_the_line_breaks_and_counts_once(server: Server) -> None:
    with line_to(server, 0) as line, client_of(line.url) as client:
        client.post("/chat", {"message": "once", "chat_id": "sent-again"}, SendAnswer)
    keys = [
        header
        for asked in line.requests
        for header in asked.split(b"\r\n")
        if header.lower().startswith(b"idempotency-key:")
    ]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(server.stored_messages("sent-again")) == 2


def test_a_refused_run_is_one_error_and_no_event(server: Server) -> None:
    with client_of(server.base_url) as client, pytest.raises(CliError) as found:
        list(client.events("/chat", {"message": "x", "chat_id": "../x", "stream": True}))
    assert found.value.exit_code == ExitCode.FAILED
    assert found.value.problem_code == "invalid_chat_id"


def test_an_address_that_no_client_takes_is_unreachable() -> None:
    with pytest.raises(CliError) as found, client_of("http://\N{LATIN SMALL LETTER E WITH ACUTE}..example"):
        pass
    assert found.value.exit_code == ExitCode.UNREACHABLE


def test_an_answer_that_is_not_packed_as_it_says_is_unreachable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening, ThreadPoolExecutor(1) as threads:
        threads.submit(
            _answer_once, listening, b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}"
        )
        with client_of(f"http://127.0.0.1:{listening.getsockname()[1]}") as client, pytest.raises(CliError) as found:
            client.get("/health", dict)
    assert found.value.exit_code == ExitCode.UNREACHABLE


def test_nobody_there_is_unreachable_at_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        free = listening.getsockname()[1]
    with client_of(f"http://127.0.0.1:{free}") as client:
        for attempt in (lambda: client.get("/health", dict), lambda: list(client.events("/chat", {"message": "x"}))):
            with pytest.raises(CliError) as found:
                attempt()
            assert found.value.exit_code == ExitCode.UNREACHABLE
            assert "the server" in found.value.message


def test_a_run_that_a_kill_interrupted_is_followed_to_its_end_on_the_next_server(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server, client_of(server.base_url) as client:
        next_one = Server(server.folder, options=["--port", server.base_url.rpartition(":")[2]])
        seen: list[RunEvent | Reconnecting] = []
        with contextlib.closing(next_one):
            for event in client.events("/chat", {"message": "[[tokens 5000]] [[delay 0.02]]", "chat_id": "k"}):
                seen.append(event)
                if len(seen) == 5:
                    server.kill()
                if isinstance(event, Reconnecting) and event.attempt == 1:
                    next_one.start()
            stored = next_one.stored_messages("k")[-1]

    assert isinstance(seen[-1], Problem)
    assert seen[-1].code == "run_interrupted"
    assert any(isinstance(event, Reconnecting) for event in seen)
    assert text_of(seen) == stored["content"]


def test_a_server_that_does_not_come_back_is_given_up(tmp_path: Path) -> None:
    with serving(tmp_path / "chats") as server, client_of(server.base_url, patience_s=0.5) as client:
        events = client.events("/chat", {"message": "[[tokens 5000]] [[delay 0.02]]"})
        next(events)
        server.kill()
        with pytest.raises(CliError) as found:
            list(events)
    assert found.value.exit_code == ExitCode.UNREACHABLE
    assert "did not come back" in found.value.message


def _answer_once(listening: socket.socket, answer: bytes) -> None:
    near, _ = listening.accept()
    with near:
        _whole_request(near)
        near.sendall(answer)


def _whole_request(near: socket.socket) -> bytes:
    asked = b""
    while b"\r\n\r\n" not in asked:
        asked += near.recv(65536)
    head, _, body = asked.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        piece = near.recv(65536)
        asked, body = asked + piece, body + piece
    return asked
