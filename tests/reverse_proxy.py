"""A reverse proxy on a real socket, in a thread, that does to answers what bad ones do."""

import gzip
import http.client
import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

_HOP = {"connection", "transfer-encoding", "content-length", "keep-alive"}  # of one connection: RFC 9110, section 7.6.1
_READ = 65_536


class Behaviour(NamedTuple):
    """What it does besides passing on. Times are in seconds, sizes in bytes; None leaves it be."""

    holds: bool = False
    compresses: bool = False
    flushes: bool = True
    idle_s: float | None = None
    life_s: float | None = None
    refuses_upgrades: bool = False
    upgrades_at: str | None = None
    swaps: tuple[bytes, bytes] | None = None
    most_body: int | None = None
    host: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    answer: int | None = None
    location: str | None = None
    server: str = "nginx"


class ReverseProxy:
    """`asked` are the paths and the keys that came with them, `authorizations` what they had besides; `url` is where
    it listens.
    """

    def __init__(self, to_port: int, behaviour: Behaviour) -> None:
        self.to_port = to_port
        self.behaviour = behaviour
        self.asked: list[tuple[str, str | None]] = []
        self.authorizations: list[str | None] = []
        self.url = ""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: ReverseProxy

    def version_string(self) -> str:
        return self.proxy.behaviour.server

    def log_message(self, *_arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        self.proxy.asked.append((self.path, self.headers.get("X-API-Key")))
        self.proxy.authorizations.append(self.headers.get("Authorization"))
        does = self.proxy.behaviour
        self.close_connection = True
        size = int(self.headers.get("Content-Length", "0"))
        if does.answer is not None:
            self._answer(does.answer, does.location)
        elif self.headers.get("Upgrade"):
            if does.refuses_upgrades:
                self._answer(400)
            elif does.upgrades_at is not None:
                self._answer(307, does.upgrades_at)
            else:
                self._tunnel()
        elif does.most_body is not None and size > does.most_body:
            self.rfile.read(size)  # so that the refusal is read, whatever was still to come
            self._answer(413)
        else:
            self._pass_on(self.rfile.read(size))

    def do_POST(self) -> None:
        self.do_GET()

    def _answer(self, status: int, location: str | None = None) -> None:
        self.send_response(status)
        if location is not None:
            self.send_header("Location", location + self.path)
        self.send_header("Content-Length", "0")
        self.send_header("Connection", "close")
        self.end_headers()

    def _headers(self) -> dict[str, str]:
        sent = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        if self.proxy.behaviour.host is not None:
            sent["Host"] = self.proxy.behaviour.host
        return {**sent, **dict(self.proxy.behaviour.headers)}

    def _pass_on(self, body: bytes) -> None:
        does = self.proxy.behaviour
        upstream = http.client.HTTPConnection("127.0.0.1", self.proxy.to_port, timeout=does.idle_s)
        try:
            upstream.request(self.command, self.path, body or None, {**self._headers(), "Connection": "close"})
            answer = upstream.getresponse()
            is_coded = does.compresses and "gzip" in self.headers.get("Accept-Encoding", "")
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            if is_coded:
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Connection", "close")
            self.end_headers()
            self._copy(answer, is_coded=is_coded)
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            # Why the whole connection: an answer that ends without its last chunk is one that was cut.
            self.connection.close()
        finally:
            upstream.close()

    def _copy(self, answer: http.client.HTTPResponse, *, is_coded: bool) -> None:
        does = self.proxy.behaviour
        ends_at = time.monotonic() + does.life_s if does.life_s is not None else None
        made = io.BytesIO()
        packer = gzip.GzipFile(fileobj=made, mode="wb") if is_coded else None
        while piece := answer.read1(_READ):
            if ends_at is not None and time.monotonic() > ends_at:
                raise TimeoutError
            (packer or made).write(piece.replace(*does.swaps) if does.swaps else piece)
            if packer is not None and does.flushes:
                packer.flush()
            if not does.holds:
                self._send(made)
        if packer is not None:
            packer.close()
        self._send(made)

    def _send(self, made: io.BytesIO) -> None:
        piece = made.getvalue()
        made.seek(0)
        made.truncate()
        if piece:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()

    def _tunnel(self) -> None:
        with socket.create_connection(("127.0.0.1", self.proxy.to_port)) as upstream:
            lines = [f"{self.command} {self.path} HTTP/1.1"]
            sent = {**self._headers(), "Connection": "Upgrade"}
            lines += [f"{name}: {value}" for name, value in sent.items()]
            upstream.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
            back = threading.Thread(target=_pump, args=(upstream, self.connection))
            back.start()
            _pump(self.connection, upstream)
            back.join()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(_READ):
            sink.sendall(chunk)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@contextmanager
def reverse_proxy(to_port: int, tls: ssl.SSLContext | None = None, **behaviour: object) -> Iterator[ReverseProxy]:
    """A running proxy to a port of this machine; `tls` is what it needs to be asked by https."""
    proxy = ReverseProxy(to_port, Behaviour(**behaviour))  # type: ignore[arg-type]

    class Handler(_Handler):
        pass

    Handler.proxy = proxy

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def finish_request(self, request: object, client_address: object) -> None:
            if tls is None:
                Handler(request, client_address, self)  # type: ignore[arg-type]
                return
            # Why suppressed: who does not trust us hangs up.
            with suppress(OSError), tls.wrap_socket(request, server_side=True) as wrapped:  # type: ignore[arg-type]
                Handler(wrapped, client_address, self)

    with Server(("127.0.0.1", 0), Handler) as server:
        proxy.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield proxy
        finally:
            server.shutdown()
            thread.join()
