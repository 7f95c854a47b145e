"""A small OpenAI-compatible service on a real socket, in a thread: it answers, or fails, as a test says meanwhile."""

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.upstream import said

_LONGEST_WAIT_S = 20.0


class LlmService:
    """Lists `models`. A call says `reply`, or is answered with `status` and `error` when that is no 200.

    While `answers` is cleared, calls are taken and wait.
    """

    def __init__(self) -> None:
        self.models = ["m"]
        self.reply = "all is well"
        self.status = 200
        self.error = {"error": {"message": "overheated"}}
        self.usage: dict[str, object] | None = None
        self.calls = 0
        self.lists = 0
        self.url = ""
        self.port = 0
        self.last_call: dict[str, object] = {}
        self.answers = threading.Event()
        self.answers.set()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, media type and body."""
        if path.endswith("/models"):
            self.lists += 1
            return 200, "application/json", json.dumps({"data": [{"id": model} for model in self.models]}).encode()
        self.calls += 1
        if self.status != 200:
            return self.status, "application/json", json.dumps(self.error).encode()
        *events, done = said(self.reply)
        if self.usage is not None:
            events.append(b"data: " + json.dumps({"choices": [], "usage": self.usage}).encode() + b"\n\n")
        return 200, "text/event-stream", b"".join([*events, done])


@contextmanager
def llm_service(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[LlmService]:
    """A running service, by TLS when its context is given."""
    service = LlmService()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            service.last_call = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            service.answers.wait(_LONGEST_WAIT_S)
            self._answer()

        def _answer(self) -> None:
            status, media_type, body = service.answer(self.path)
            self.send_response(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that leaves, or does not trust the certificate, is no error of the test."""

    with Quiet((host, 0), Handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        service.port = server.server_address[1]
        service.url = f"{'https' if tls else 'http'}://{host}:{service.port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield service
        finally:
            server.shutdown()
            thread.join()
