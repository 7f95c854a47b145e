"""A scripted HTTP/1.1 server on a real socket: it says exactly the bytes it is told, and notes what the client does."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum

_HANDSHAKE = b"\x16"  # RFC 8446, section 5.1


class Act(Enum):
    """What a script may do besides sending bytes."""

    RESET = "reset"  # close with a TCP reset
    WAIT_FOR_CLOSE = "wait for close"  # send nothing more until the client closes
    WAIT_FOR_GO = "wait for go"  # send nothing more until the test sets `go`


@dataclass(frozen=True)
class Endless:
    """Pieces to be sent for as long as they and the client last. Played once."""

    pieces: Iterable[bytes]


Step = bytes | Act | Endless


@dataclass
class Upstream:
    """A running server. Each connection plays the next script for each request; the last script is repeated.

    A request whose path is in `asides` is answered from there whenever it comes, and not noted.
    """

    scripts: list[Sequence[Step]]
    asides: Mapping[str, Sequence[Step]] = field(default_factory=dict)
    port: int = 0
    scheme: str = "http"
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    open_connections: int = 0
    sent_bytes: int = 0
    go: asyncio.Event = field(default_factory=asyncio.Event)
    waits_for_close: asyncio.Event = field(default_factory=asyncio.Event)
    client_closed: asyncio.Event = field(default_factory=asyncio.Event)
    all_left: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        """Its address, without a slash at the end."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until it ends."""
        self.connections += 1
        self.open_connections += 1
        self.all_left.clear()
        try:
            while request := await _read_request(reader):
                script = self._script_of(request)
                for step in script:
                    await self._play(step, reader, writer)
                if _ends_with_close(script):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            self.client_closed.set()
        finally:
            writer.close()
            self.open_connections -= 1
            if not self.open_connections:
                self.all_left.set()

    def _script_of(self, request: bytes) -> Sequence[Step]:
        path = request.split(b" ", 2)[1].partition(b"?")[0].decode()
        if path in self.asides:
            return self.asides[path]
        self.requests.append(request)
        return self.scripts[min(len(self.requests), len(self.scripts)) - 1]

    async def _play(self, step: Step, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if isinstance(step, bytes | Endless):
            for piece in step.pieces if isinstance(step, Endless) else (step,):
                writer.write(piece)
                await writer.drain()
                self.sent_bytes += len(piece)
                await asyncio.sleep(0)  # the client runs in this loop too
        elif step is Act.RESET:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        elif step is Act.WAIT_FOR_GO:
            await self.go.wait()
        else:
            self.waits_for_close.set()
            if await reader.read(1) == b"":
                self.client_closed.set()


def _ends_with_close(script: Sequence[Step]) -> bool:
    """Whether the connection ends with this script: it says so, or gives no other way to know the body's end."""
    head = script[0] if script and isinstance(script[0], bytes) else b""
    framed = b"content-length" in head.lower() or b"chunked" in head.lower()
    return not framed or b"connection: close" in head.lower() or Act.RESET in script


async def _read_request(reader: asyncio.StreamReader) -> bytes:
    """One request, head and body; empty when the client closed, or speaks TLS to a server without it."""
    first = await reader.read(1)
    if first == _HANDSHAKE:
        return b""
    try:
        head = first + await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return head + await reader.readexactly(int(value))
    return head


@asynccontextmanager
async def upstream(
    *scripts: Sequence[Step], asides: Mapping[str, Sequence[Step]] | None = None, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Upstream]:
    """Run a server with these scripts, one a request; the last is repeated. `asides` are answers by path."""
    server = Upstream(list(scripts), asides or {}, scheme="https" if tls else "http")
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        server.go.set()
        listener.close()


def answer(status: int, body: bytes, media_type: str = "application/json", *headers: str) -> list[Step]:
    """A whole answer with its length."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {media_type}", f"Content-Length: {len(body)}", *headers]
    return ["\r\n".join([*lines, "", ""]).encode() + body]


def streamed(*chunks: Step, media_type: str = "text/event-stream", whole: bool = True) -> list[Step]:
    """A chunked answer; with `whole` false its end never comes, the connection closes instead."""
    close = "" if whole else "Connection: close\r\n"
    head = f"HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nTransfer-Encoding: chunked\r\n{close}\r\n"
    steps: list[Step] = [head.encode()]
    steps += [_framed(step) for step in chunks]
    return [*steps, b"0\r\n\r\n"] if whole else steps


def _framed(step: Step) -> Step:
    """A step of a chunked body: bytes become a chunk each."""
    if isinstance(step, bytes):
        return b"%x\r\n%s\r\n" % (len(step), step)
    return (
        Endless(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in step.pieces) if isinstance(step, Endless) else step
    )


def said(*texts: str, finish: str = "stop") -> list[bytes]:
    """The events of an OpenAI stream that says `texts`, one event each, with its proper end."""
    events = [b'data: {"choices":[{"index":0,"delta":{"content":"%s"}}]}\n\n' % text.encode() for text in texts]
    events.append(b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"%s"}]}\n\n' % finish.encode())
    return [*events, b"data: [DONE]\n\n"]
