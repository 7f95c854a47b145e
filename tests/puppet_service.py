"""A real OpenAI-compatible service whose every word a test decides, for servers that are child processes."""

import contextlib
import json
import queue
import select
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.server import eventually

_LOOK_S = 0.05  # how often it is looked whether the client is still there


class ServiceCall:
    """One call. `request` is its body; `is_closed` says that the server has let go of it."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.request = request
        self.is_closed = False
        self.steps: queue.Queue[bytes | None] = queue.Queue()

    @property
    def question(self) -> Any:
        """The content of the last message."""
        return self.request["messages"][-1]["content"]

    def say(self, *words: str) -> None:
        """Give these words, one event each."""
        for word in words:
            self._give({"delta": {"content": word}})

    def think(self, *words: str) -> None:
        """Give these words as reasoning."""
        for word in words:
            self._give({"delta": {"reasoning_content": word}})

    def use_tool(self, name: str, arguments: str, identity: str = "call_0") -> None:
        """Ask for a function; `arguments` is JSON."""
        function = {"name": name, "arguments": arguments}
        self._give({"delta": {"tool_calls": [{"index": 0, "id": identity, "type": "function", "function": function}]}})

    def finish(self, *words: str, reason: str = "stop") -> None:
        """Give these words, then the proper end."""
        self.say(*words)
        self._give({"delta": {}, "finish_reason": reason})
        self.steps.put(b"data: [DONE]\n\n")
        self.steps.put(None)

    def fail(self, message: str = "overheated") -> None:
        """Say that it went wrong."""
        self._put({"error": {"message": message}})
        self.steps.put(None)

    def cut(self) -> None:
        """End without a proper end."""
        self.steps.put(None)

    def _give(self, choice: dict[str, Any]) -> None:
        self._put({"choices": [{"index": 0, **choice}]})

    def _put(self, event: dict[str, Any]) -> None:
        self.steps.put(b"data: " + json.dumps(event).encode() + b"\n\n")


class PuppetService:
    """Lists `models`, and keeps each call for the test. `status` other than 200 refuses calls."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[ServiceCall] = []
        self.become_as_new()

    def become_as_new(self) -> None:
        """Forget what a test has told it. Calls that are open stay open."""
        self.models = ["wood"]
        self.status = 200
        self.calls.clear()

    @property
    def environment(self) -> dict[str, str]:
        """What makes it the default provider `puppet` of a server."""
        return {"PUPPET_BASE_URL": self.url, "PUPPET_MODEL": self.models[0], "CHATKEEP_PROVIDER": "puppet"}

    def call(self, number: int) -> ServiceCall:
        """The call of that number, from 0, as soon as it is made."""
        eventually(lambda: len(self.calls) > number)
        return self.calls[number]

    def asked(self, question: str) -> ServiceCall:
        """The newest call with that question, as soon as it is made."""
        return eventually(lambda: [call for call in self.calls if call.question == question])[-1]


class _Listener(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, service: PuppetService) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.service = service
        self.is_over = threading.Event()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that leaves is no error of the test."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Listener

    def do_GET(self) -> None:
        self._answer(200, {"data": [{"id": model} for model in self.server.service.models]})

    def do_POST(self) -> None:
        service = self.server.service
        call = ServiceCall(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        service.calls.append(call)
        if service.status != 200:
            self._answer(service.status, {"error": {"message": "overheated"}})
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        with contextlib.suppress(OSError):
            while (step := self._next(call)) is not None:
                self.wfile.write(step)
        call.is_closed = True
        self.close_connection = True

    def _next(self, call: ServiceCall) -> bytes | None:
        """What is to be said next, None at the end."""
        while not self.server.is_over.is_set():
            with contextlib.suppress(queue.Empty):
                return call.steps.get(timeout=_LOOK_S)
            readable, _, _ = select.select([self.connection], [], [], 0)
            if readable and not self.connection.recv(1, socket.MSG_PEEK):
                return None
        return None

    def _answer(self, status: int, body: object) -> None:
        encoded = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the parent's
        pass


@contextlib.contextmanager
def puppet_service() -> Iterator[PuppetService]:
    """A running service. What it was not told to end, ends with the block."""
    service = PuppetService()
    with _Listener(service) as listener:
        service.url = f"http://127.0.0.1:{listener.server_address[1]}/v1"
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield service
        finally:
            listener.is_over.set()
            listener.shutdown()
            thread.join()
