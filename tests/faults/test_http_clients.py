"""HTTP clients that send without end, or stop sending or reading halfway: what they cost is bounded."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope

from chatkeep.cli.http_protocol import HttpProtocol
from chatkeep.cli.socket_protocol import SocketProtocol
from tests.server import DEADLINE_S, Server

_KIB = 1024


@pytest.fixture
def connection(server: Server) -> Iterator[socket.socket]:
    """A socket to the server."""
    with connected(server) as made:
        yield made


def connected(server: Server, receive_buffer: int | None = None) -> "closing[socket.socket]":
    """A socket to the server, which takes only that many bytes unless it is read."""
    url = httpx.URL(server.base_url)
    made = socket.socket()
    made.settimeout(DEADLINE_S)
    if receive_buffer is not None:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    made.connect((url.host, url.port))
    return closing(made)


def answer(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """The status and the document that come before the other side closes."""
    received = b""
    while piece := connection.recv(65536):
        received += piece
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"content-type: application/problem+json" in head
    return int(head.split()[1]), json.loads(body)


def send_until_refused(connection: socket.socket, again: bytes) -> None:
    """Send until the other side is gone. Raises: ConnectionError then."""
    while True:
        connection.sendall(again)


def memory_kib(pid: int) -> int:
    """What the process holds in memory now."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


@pytest.mark.parametrize(
    ("beginning", "again"),
    [
        (b"GET /", b"x" * _KIB),
        (b"GET / HTTP/1.1\r\nHost: ", b"x" * _KIB),
        (b"GET / HTTP/1.1\r\nx", b"x" * _KIB),
        (b"GET / HTTP/1.1\r\n", b"a: b\r\n" * 170),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\na: ", b"x" * _KIB),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"a: b\r\n" * 170),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"x" * _KIB),
    ],
    ids=["url", "value", "name", "headers", "trailer", "trailers", "chunk extension"],
)
def test_a_head_without_end_is_cut_off_before_it_fills_the_memory(
    server: Server, connection: socket.socket, beginning: bytes, again: bytes
) -> None:
    before = memory_kib(server.pid)
    connection.sendall(beginning)
    with pytest.raises(ConnectionError):
        send_until_refused(connection, again)

    assert memory_kib(server.pid) - before < 16 * _KIB
    assert server.client.http.get("/health").status_code == 200


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * 65 * _KIB + b" HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nx: " + b"x" * 65 * _KIB + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n" + b"a: b\r\n" * 100 + b"\r\n",
    ],
    ids=["url", "value", "headers"],
)
def test_a_head_that_is_too_large_is_answered_with_431(connection: socket.socket, head: bytes) -> None:
    connection.sendall(head)

    status, document = answer(connection)
    assert (status, document["code"]) == (431, "headers_too_large")


def test_a_head_within_the_bounds_is_taken(server: Server) -> None:
    headers = {"Cookie": "x" * 60 * _KIB, **{f"X-{number}": "y" for number in range(90)}}

    assert server.client.http.get("/health", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "request_",
    [b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nhOST: evil\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01 \r\n\r\n"],
)
def test_what_is_no_request_is_answered_with_400(connection: socket.socket, request_: bytes) -> None:
    connection.sendall(request_)

    status, document = answer(connection)
    assert (status, document["status"], document["success"]) == (400, 400, False)


def test_a_trailer_is_no_header_of_the_request(server: Server, connection: socket.socket) -> None:
    body = b"1\r\n{\r\n0\r\nX-Request-ID: from-a-trailer\r\n\r\n"
    head = b"POST /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    connection.sendall(head + body)

    status, document = answer(connection)
    assert status == 422
    assert document["request_id"] != "from-a-trailer"


def test_requests_sent_ahead_are_answered_in_order_and_no_more_than_a_few(connection: socket.socket) -> None:
    one = b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    connection.sendall(one * 10 + one.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    received = b""
    while piece := connection.recv(65536):
        received += piece

    assert received.count(b"HTTP/1.1 404") == 11


def test_a_thousand_requests_sent_ahead_at_once_end_the_connection(connection: socket.socket) -> None:
    connection.sendall(b"GET /nowhere HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 1000)
    received = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65536):
            received += piece

    assert received.count(b"HTTP/1.1 404") < 1000


class Impatient(HttpProtocol):
    """Waits as a test can."""

    head_s = body_s = stuck_s = 0.3
    cut_s = 0.1


class Answers:
    """An application: `/late` answers when `go` is set, `/endless` without end, `/cut` ends halfway, others at once."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.ended = asyncio.Event()

    async def __call__(self, scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
        assert scope["type"] == "http"
        while (message := await receive())["type"] == "http.request" and message["more_body"]:
            pass
        if message["type"] == "http.disconnect":
            self.ended.set()
        if scope["path"] == "/late":
            await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone: asyncio.Task[object] = asyncio.create_task(receive())  # type: ignore[arg-type]
        try:
            while scope["path"] in ("/endless", "/cut", "/slow") and not gone.done():
                await send({"type": "http.response.body", "body": b"x" * 50_000, "more_body": True})
                if scope["path"] == "/cut":
                    return
                if scope["path"] == "/slow":
                    await self.go.wait()
                    break
            await send({"type": "http.response.body", "body": b"done" * 1_000_000 * (scope["path"] == "/large")})
        finally:
            gone.cancel()
            await asyncio.wait([gone])
            self.ended.set()


@asynccontextmanager
async def answering(app: ASGI3Application) -> AsyncIterator[int]:
    """The port of a server that is as impatient as tests are."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        config = uvicorn.Config(
            app, http=Impatient, ws=SocketProtocol, lifespan="off", log_config=None, timeout_keep_alive=1
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await task


async def opened(port: int, sent: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(sent)
    return reader, writer


_HEAD = b"Host: a\r\n\r\n"


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("sent", "begins"),
    [
        (b"", b""),
        (b"\r\n", b"HTTP/1.1 408"),
        (b"GET / HT", b"HTTP/1.1 408"),
        (b"GET / HTTP/1.1\r\nHost: x", b"HTTP/1.1 408"),
        (b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n", b"HTTP/1.1 408"),
        (b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\nContent-Length: 5\r\n\r\n{", b"HTTP/1.1 400"),
        (
            b"GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\nx: " + b"x" * 9000 + b"\r\n\r\n",
            b"HTTP/1.1 400",
        ),
        (b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\n{", b"HTTP/1.1 408"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", b"HTTP/1.1 408"),
        (b"GET / HTTP/1.1\r\n" + _HEAD + b"\r\n", b"HTTP/1.1 200"),
        (b"GET / HTTP/1.1\r\n" + _HEAD + b"GET / HTTP/1.1\r\n", b"HTTP/1.1 200"),
    ],
)
async def test_a_request_that_is_never_whole_ends_its_connection(sent: bytes, begins: bytes) -> None:
    async with answering(Answers()) as port:
        reader, writer = await opened(port, sent)
        received = b""
        with suppress(ConnectionError):
            received = await reader.read()
        writer.close()

    assert received.startswith(begins)
    assert bool(received) == bool(begins)


@pytest.mark.anyio
async def test_half_a_body_frees_the_application_that_waits_for_it() -> None:
    app = Answers()
    async with answering(app) as port:
        reader, writer = await opened(port, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n{")
        assert (await reader.read()).startswith(b"HTTP/1.1 408")
        await app.ended.wait()
        writer.close()


@pytest.mark.anyio
@pytest.mark.parametrize("path", [b"/late", b"/slow"])
@pytest.mark.parametrize("more", [b"", b"\r\n", b"GET / HT"])
async def test_an_answer_that_takes_longer_than_a_client_may_is_given(path: bytes, more: bytes) -> None:
    app = Answers()
    async with answering(app) as port:
        reader, writer = await opened(port, b"GET " + path + b" HTTP/1.1\r\n" + _HEAD)
        writer.write(more)
        asyncio.get_running_loop().call_later(3 * Impatient.head_s, app.go.set)
        received = await reader.readuntil(b"0\r\n\r\n")
        writer.close()

    assert received.startswith(b"HTTP/1.1 200")


@pytest.mark.anyio
@pytest.mark.parametrize("path", [b"/endless", b"/large"])
async def test_a_client_that_takes_nothing_is_dropped_whether_the_answer_is_complete_or_not(path: bytes) -> None:
    app = Answers()
    async with answering(app) as port:
        connection = quiet(port)
        connection.sendall(b"GET " + path + b" HTTP/1.1\r\n" + _HEAD)
        await app.ended.wait()
        with pytest.raises(ConnectionError):
            await asyncio.to_thread(send_until_refused, connection, b"\r\n")
        connection.close()


@pytest.mark.anyio
async def test_a_client_that_takes_a_large_answer_slowly_gets_all_of_it() -> None:
    async with answering(Answers()) as port:
        connection = quiet(port)
        connection.sendall(b"GET /large HTTP/1.1\r\nConnection: close\r\n" + _HEAD)
        received = await asyncio.to_thread(_read_slowly, connection)
        connection.close()

    assert received > 4_000_000


@pytest.mark.anyio
async def test_an_answer_that_is_cut_ends_soon_also_for_a_client_that_takes_nothing() -> None:
    app = Answers()
    async with answering(app) as port:
        connection = quiet(port)
        connection.sendall(b"GET /cut HTTP/1.1\r\n" + _HEAD)
        await app.ended.wait()
        with pytest.raises(ConnectionError):
            await asyncio.to_thread(send_until_refused, connection, b"\r\n")
        connection.close()


def quiet(port: int) -> socket.socket:
    """A connection that takes next to nothing unless it is read."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    made.settimeout(DEADLINE_S)
    made.connect(("127.0.0.1", port))
    return made


def _read_slowly(connection: socket.socket) -> int:
    received = 0
    while piece := connection.recv(2048):
        received += len(piece)
    return received
