"""A cheap HTTP client on a raw asyncio protocol, with connections that are kept."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast
from urllib.parse import urlsplit

import msgspec

from bench.upstream import age_us

_ANSWER_S = 120.0
_LAST_CHUNK = b"\r\n0\r\n\r\n"
_STAMPED = re.compile(
    rb'":" ([0-9a-f]{6})"}'
)  # the text of one paced token, in chatkeep's events and in the upstream's


class Refused(Exception):
    """The server did not answer 200; the text is what it said."""


def post(url: str, path: str, body: object, key: str | None = None) -> bytes:
    """The bytes of a POST of `body` as JSON, with an API key when one is given."""
    content = msgspec.json.encode(body)
    headers = {"Host": urlsplit(url).netloc, "Content-Type": "application/json", "Content-Length": str(len(content))}
    if key is not None:
        headers["X-API-Key"] = key
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode() + content


def completion(url: str, model: str, message: str) -> bytes:
    """The bytes of the call that chatkeep makes of `message`, for calling the upstream directly."""
    messages = [{"role": "user", "content": message}]
    return post(url, "/v1/chat/completions", {"model": model, "messages": messages, "stream": True})


class Connection(asyncio.Protocol):
    """One kept connection, one request at a time."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._in_head = True
        self._left: int | None = None  # bytes of the body to come; None is chunked
        self._tail = b""
        self._on_body: Callable[[bytes], None] = self._ignore
        self._answered: asyncio.Future[None] | None = None

    @classmethod
    async def open(cls, url: str) -> "Connection":
        """Connect to the server at `url`."""
        host, port = urlsplit(url).netloc.split(":")
        _, protocol = await asyncio.get_running_loop().create_connection(cls, host, int(port))
        return protocol

    async def send(self, request: bytes, on_body: Callable[[bytes], None] | None = None) -> None:
        """Return when the answer is whole; `on_body` sees its body as it comes, chunk lengths included.

        Raises: Refused, ConnectionError, TimeoutError.
        """
        self._on_body = on_body or self._ignore
        self._head.clear()
        self._in_head, self._tail = True, b""
        self._answered = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        async with asyncio.timeout(_ANSWER_S):
            await self._answered

    def close(self) -> None:
        """Close it."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own class

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ConnectionResetError("the server closed the connection"))

    def data_received(self, data: bytes) -> None:
        if not self._in_head:
            self._take(data)
            return
        self._head += data
        head, found, body = bytes(self._head).partition(b"\r\n\r\n")
        if not found:
            return
        self._in_head = False
        length = head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        self._left = int(length) if length else None
        if not head.startswith(b"HTTP/1.1 200"):
            self._end(Refused((head + b"\n" + body).decode(errors="replace")))
            return
        self._take(body)

    def _take(self, data: bytes) -> None:
        self._on_body(data)
        if self._left is None:
            self._tail = (self._tail + data)[-len(_LAST_CHUNK) :]
            if self._tail == _LAST_CHUNK:
                self._end(None)
            return
        self._left -= len(data)
        if self._left <= 0:
            self._end(None)

    def _end(self, exc: Exception | None) -> None:
        if self._answered is None or self._answered.done():
            return
        if exc is None:
            self._answered.set_result(None)
        else:
            self._answered.set_exception(exc)

    def _ignore(self, _data: bytes) -> None:
        """Nobody wants to see the body."""


@contextlib.asynccontextmanager
async def connections(url: str, count: int) -> AsyncIterator[list[Connection]]:
    """`count` open connections, closed in the end."""
    opened = [await Connection.open(url) for _ in range(count)]
    try:
        yield opened
    finally:
        for connection in opened:
            connection.close()


async def send_all(opened: list[Connection], requests: list[bytes]) -> float:
    """Send every request, each connection the next one as soon as it is free. Seconds that it took."""
    waiting = iter(requests)
    began = time.perf_counter()
    await asyncio.gather(*(_work(connection, waiting) for connection in opened))
    return time.perf_counter() - began


async def _work(connection: Connection, waiting: Iterator[bytes]) -> None:
    for request in waiting:
        await connection.send(request)


class TokenMeter:
    """Counts the paced tokens of many streams and notes how old each was when it arrived, in microseconds."""

    def __init__(self) -> None:
        self.ages_us: list[int] = []

    def reader(self) -> Callable[[bytes], None]:
        """What one stream's connection calls with its body."""
        rest = b""

        def read(data: bytes) -> None:
            nonlocal rest
            lines, newline, rest_of_data = (rest + data).rpartition(b"\n")
            rest = rest_of_data
            if newline:
                self.ages_us += [age_us(int(sent, 16)) for sent in _STAMPED.findall(lines)]

        return read
