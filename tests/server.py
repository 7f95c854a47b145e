"""A real server as a child process, and a client for it.

The child gets a clean environment: the scripted provider `echo`, no embedded model, no Ollama.
"""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar

import httpx

T = TypeVar("T")

DEADLINE_S = 20.0  # for whatever should come at once; long, because a busy machine is slow
_READY = b"chatkeep is ready at "
_LOG_TAIL = 6000  # characters of the log shown with a failure
_ENVIRONMENT = {
    "CHATKEEP_ECHO": "true",
    "CHATKEEP_PROVIDER": "echo",
    "CHATKEEP_EMBEDDED": "false",
    "CHATKEEP_LOG_JSON": "true",
    "CHATKEEP_RATE_LIMIT_ENABLED": "false",
    "CHATKEEP_RETRIES": "0",
    "OLLAMA_HOST": "http://127.0.0.1:9",  # the port of `discard`: nobody answers
}


class Event(NamedTuple):
    """One server-sent event; `data` as it came."""

    id: int
    event: str
    data: str

    @property
    def fields(self) -> dict[str, Any]:
        """The data decoded."""
        decoded: dict[str, Any] = json.loads(self.data)
        return decoded


class Stream:
    """An open response read as server-sent events. `seen` are the whole ones so far, `raw` their bytes without pings.

    `lost` says that the connection broke before the stream's end.
    """

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.seen: list[Event] = []
        self.raw = b""
        self.lost = False
        self._chunks = response.iter_raw()
        self._tail = b""

    def __iter__(self) -> Iterator[Event]:
        """Each event as it comes, to the end of the stream or of the connection."""
        while True:
            while (end := self._tail.find(b"\n\n")) >= 0:
                block, self._tail = self._tail[: end + 2], self._tail[end + 2 :]
                yield self._take(block)
            try:
                chunk = next(self._chunks, None)
            except httpx.TransportError:
                self.lost = True
                return
            if chunk is None:
                return
            self._tail += chunk

    def rest(self) -> list[Event]:
        """Read on to the end; all events of this stream."""
        for _ in self:
            pass
        return self.seen

    def until(self, count: int) -> list[Event]:
        """Read on until `count` events were seen; all events of this stream so far."""
        events = iter(self)
        while len(self.seen) < count:
            next(events)
        return list(self.seen)

    def _take(self, block: bytes) -> Event:
        lines = [line for line in block.split(b"\n") if line and not line.startswith(b":")]
        fields = {name: value.decode() for name, _, value in (line.partition(b": ") for line in lines)}
        event = Event(int(fields[b"id"]), fields[b"event"], fields[b"data"])
        self.seen.append(event)
        self.raw += b"\n".join(lines) + b"\n\n"
        return event


class Client:
    """The few requests that tests make again and again. `http` is there for the others.

    With a `socket` it goes by that Unix socket, and `base_url` only names the host.
    """

    def __init__(
        self,
        base_url: str,
        key: str | None = None,
        *,
        socket: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        named = {**({"X-API-Key": key} if key is not None else {}), **(headers or {})}
        transport = httpx.HTTPTransport(uds=socket) if socket is not None else None
        self.http = httpx.Client(
            base_url=base_url, headers=named, timeout=DEADLINE_S, trust_env=False, transport=transport
        )

    def send(
        self, message: str, chat_id: str | None = None, headers: Mapping[str, str] | None = None, **fields: object
    ) -> httpx.Response:
        """POST /chat."""
        return self.http.post("/chat", json=_body(message, chat_id, fields), headers=headers)

    def begin(
        self, message: str, chat_id: str | None = None, headers: Mapping[str, str] | None = None, **fields: object
    ) -> str:
        """Send in the background; the run's id."""
        response = self.send(message, chat_id, headers, background=True, **fields)
        assert response.status_code == 202, response.text
        run_id: str = response.json()["run_id"]
        return run_id

    @contextlib.contextmanager
    def stream(
        self, message: str, chat_id: str | None = None, headers: Mapping[str, str] | None = None, **fields: object
    ) -> Iterator[Stream]:
        """POST /chat as a stream."""
        body = _body(message, chat_id, {**fields, "stream": True})
        with self.http.stream("POST", "/chat", json=body, headers=headers) as response:
            yield Stream(response)

    @contextlib.contextmanager
    def following(self, run_id: str, after: int | None = None) -> Iterator[Stream]:
        """GET /runs/{id}/events, with Last-Event-ID when `after` is given."""
        headers = {"Last-Event-ID": str(after)} if after is not None else {}
        with self.http.stream("GET", f"/runs/{run_id}/events", headers=headers) as response:
            yield Stream(response)

    def follow(self, run_id: str, after: int | None = None) -> list[Event]:
        """All events of the run, or those above `after`, to its end."""
        with self.following(run_id, after) as stream:
            assert stream.response.status_code in (200, 204), stream.response.read()
            events = stream.rest()
            assert not stream.lost
            return events

    def run(self, run_id: str) -> dict[str, Any]:
        """GET /runs/{id}."""
        return _ok(self.http.get(f"/runs/{run_id}"))

    def history(self, chat_id: str) -> dict[str, Any]:
        """GET /chat/history/{id}."""
        return _ok(self.http.get(f"/chat/history/{chat_id}"))

    def chats(self) -> dict[str, Any]:
        """GET /chat/history: the chats by id."""
        chats: dict[str, Any] = _ok(self.http.get("/chat/history"))["chats"]
        return chats


class Server:
    """`chatkeep serve` on a folder. Its log stands beside the folder, and is shown when a test fails.

    `command` replaces `python -m chatkeep`; `environment` is added to the clean one, `options` to the command
    line. Use `serving`, or `start` and `close`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        environment: Mapping[str, str] | None = None,
        command: Sequence[str] = ("-m", "chatkeep"),
        options: Sequence[str] = (),
    ) -> None:
        self.folder = folder
        self.base_url = ""
        self._environment = dict(environment or {})
        self._command = command
        self._options = options
        self._log = folder.with_name(f"{folder.name}.log")
        self._process: subprocess.Popen[bytes] | None = None
        self._client: Client | None = None
        self._others: list[Client] = []

    @property
    def pid(self) -> int:
        """The process id."""
        return self._running.pid

    @property
    def client(self) -> Client:
        """A client of the server that was started last."""
        assert self._client is not None, "the server was not started"
        return self._client

    def client_of(self, key: str) -> Client:
        """A client that shows `key`; closed with the server."""
        client = Client(self.base_url, key)
        self._others.append(client)
        return client

    @property
    def socket(self) -> Path:
        """Where its own socket is."""
        return self.folder / ".chatkeep" / "server.sock"

    def local_client(self, owner: str | None = None) -> Client:
        """A client by the server's own socket; closed with the server."""
        headers = {"X-Chatkeep-Owner": owner} if owner is not None else {}
        client = Client("http://localhost", socket=str(self.socket), headers=headers)
        self._others.append(client)
        return client

    def keys(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`chatkeep keys …` on the folder, running or not."""
        return subprocess.run(
            [sys.executable, "-m", "chatkeep", "keys", *arguments, "--chats-dir", str(self.folder)],
            env=clean_environment(self._environment),
            cwd=self.folder.parent,
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_S,
        )

    def add_key(self, name: str, *options: str) -> str:
        """A new key."""
        done = self.keys("add", name, *options)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def log(self) -> str:
        """What all servers on this folder have logged."""
        return self._log.read_text() if self._log.exists() else ""

    @property
    def log_entries(self) -> list[dict[str, Any]]:
        """The log's JSON lines."""
        return [json.loads(line) for line in self.log.splitlines() if line.startswith("{")]

    def launch(self) -> Self:
        """Begin a process; `wait_ready` or `wait` comes next."""
        self.close()
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self._command, *_options(self.folder), *self._options],
                env=clean_environment(self._environment),
                cwd=self.folder.parent,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        return self

    def wait_ready(self) -> Self:
        """Return when it says its address."""
        line = self.read_line()
        assert line.startswith(_READY), f"the server did not start: {line!r}\n{self.log[-_LOG_TAIL:]}"
        self.base_url = line.removeprefix(_READY).strip().decode()
        self._client = Client(self.base_url)
        return self

    def read_line(self) -> bytes:
        """The next line on its standard output."""
        assert self._running.stdout is not None
        return _read_line(self._running.stdout.fileno())

    def start(self) -> Self:
        """Begin a process and return when it is ready."""
        return self.launch().wait_ready()

    def refused(self) -> str:
        """Begin a process that should refuse to start; what it says."""
        self.launch()
        assert self.wait() == 1
        return self.log

    def wait(self) -> int:
        """Return when the process has ended, with its exit code; negative is the signal that killed it."""
        return self._running.wait(DEADLINE_S)

    @property
    def is_running(self) -> bool:
        """Whether there is a process."""
        return self._process is not None and self._process.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._running.send_signal(number)

    def kill(self) -> None:
        """Kill -9; return when it is dead."""
        self.signal(signal.SIGKILL)
        self.wait()

    def terminate(self) -> int:
        """Stop it cleanly; its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def close(self) -> None:
        """Leave nothing behind: no process, no connection."""
        for client in self._others:
            client.http.close()
        self._others.clear()
        if self._client is not None:
            self._client.http.close()
            self._client = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "the server was not started"
        return self._process

    def chat_file(self, chat_id: str) -> Path:
        """Where the chat stands."""
        return self.folder / f"{chat_id}.json"

    def stored(self, chat_id: str) -> dict[str, Any]:
        """The chat's file, decoded."""
        decoded: dict[str, Any] = json.loads(self.chat_file(chat_id).read_bytes())
        return decoded

    def stored_messages(self, chat_id: str) -> list[dict[str, Any]]:
        """The messages in the chat's file but the system's."""
        return [message for message in self.stored(chat_id)["messages"] if message["role"] != "system"]


@contextlib.contextmanager
def serving(folder: Path, *, start: bool = True, **options: Any) -> Iterator[Server]:
    """A server that is closed at the end; its log is shown when the block fails."""
    server = Server(folder, **options)
    try:
        with showing_log(server):
            if start:
                server.start()
            yield server
    finally:
        server.close()


@contextlib.contextmanager
def showing_log(server: Server) -> Iterator[None]:
    """Show the server's log when the block fails."""
    try:
        yield
    except BaseException as exc:
        exc.add_note(f"The server's log ends with:\n{server.log[-_LOG_TAIL:]}")
        raise


def refusal(
    folder: Path, *options: str, environment: Mapping[str, str] | None = None, port: str | None = "0"
) -> tuple[int, str]:
    """Start a server that should refuse to; its exit code and what it says on standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "chatkeep", *_options(folder, port), *options],
        env=clean_environment(environment or {}),
        cwd=folder.parent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=DEADLINE_S,
    )
    assert done.stdout == b""
    return done.returncode, done.stderr.decode()


def clean_environment(more: Mapping[str, str]) -> dict[str, str]:
    """What the child sees of the environment: the path, and `more` over the usual settings of tests."""
    return {"PATH": os.environ.get("PATH", os.defpath), **_ENVIRONMENT, **more}


def eventually(condition: Callable[[], T]) -> T:
    """Ask until the answer is true, and return it."""
    deadline = time.monotonic() + DEADLINE_S
    while not (answer := condition()):
        assert time.monotonic() < deadline, f"it did not happen within {DEADLINE_S:g} s"
        time.sleep(0.01)
    return answer


def _options(folder: Path, port: str | None = "0") -> list[str]:
    prompt = folder.with_name("system_prompt.txt")
    listen = ["--port", port] if port is not None else []
    return ["serve", *listen, "--chats-dir", str(folder), "--system-prompt-file", str(prompt)]


def _body(message: str, chat_id: str | None, fields: Mapping[str, object]) -> dict[str, object]:
    return {"message": message, **({"chat_id": chat_id} if chat_id is not None else {}), **fields}


def _ok(response: httpx.Response) -> dict[str, Any]:
    assert response.status_code == 200, response.text
    decoded: dict[str, Any] = response.json()
    return decoded


def _read_line(descriptor: int) -> bytes:
    """One line, or what there is when the other side ends or the deadline passes."""
    deadline = time.monotonic() + DEADLINE_S
    line = b""
    while not line.endswith(b"\n"):
        readable, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
        byte = os.read(descriptor, 1) if readable else b""
        if not byte:
            break
        line += byte
    return line
