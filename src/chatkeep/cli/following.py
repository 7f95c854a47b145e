"""Follow a run to its end over as many connections as it takes."""

import contextlib
import time
from collections.abc import Callable, Iterator

import httpx
import msgspec

from chatkeep.chat.events import JournalLine, RunEvent
from chatkeep.cli.answers import path_of, reason_of, refused, strange, unreachable
from chatkeep.cli.event_lines import EventDecoder
from chatkeep.cli.exit_codes import CliError, ExitCode
from chatkeep.errors import RateLimited, ShuttingDown

_CONNECT_S = 5.0
_SILENCE_S = 30.0  # three heartbeats that did not come
_WAITS_S = (0.2, 0.5, 1.0, 2.0, 5.0)  # before each attempt to come back; the last one again and again
_MAY_PASS = {RateLimited.code, ShuttingDown.code}  # the server itself says that a later attempt may do


class Reconnecting(msgspec.Struct, frozen=True):
    """The line broke while a run was followed; attempt number `attempt`, from 1 on, comes in `wait_s` seconds."""

    attempt: int
    wait_s: float
    reason: str


class Following:
    """Iterates over the events of one run, each once, to the last one, with a Reconnecting wherever the line broke.

    `begin` makes the request that begins the run: sent again, it must not begin another. With a `run_id` the run goes
    on already, and is followed from event `after` on. `name` is what people are told of the server.
    """

    def __init__(
        self,
        http: httpx.Client,
        name: str,
        patience_s: float,
        *,
        begin: Callable[[], httpx.Request] | None = None,
        run_id: str | None = None,
        after: int = -1,
    ) -> None:
        assert begin is not None or run_id is not None
        self._http = http
        self._name = name
        self._patience_s = patience_s
        self._begin = begin
        self._run_id = run_id
        self._after = after
        self._ended = False
        self._attempt = 0
        self._deadline = 0.0

    def __iter__(self) -> Iterator[RunEvent | Reconnecting]:
        """Raises: CliError when the server refuses, or is away for `patience_s` seconds."""
        self._note_life()
        while True:
            reason = "the line was cut"
            try:
                yield from self._attached()
            except httpx.RequestError as exc:
                # Why at once: nobody is there, and nothing was begun.
                if self._run_id is None and isinstance(exc, httpx.ConnectError | httpx.ConnectTimeout):
                    raise unreachable(exc, self._name) from exc
                reason = reason_of(exc)
            except CliError as exc:
                if not self._may_pass(exc):
                    raise
                reason = exc.message.rstrip(".")
            if self._ended:
                return
            wait_s = self._next_wait(reason)
            yield Reconnecting(self._attempt, wait_s, reason)
            time.sleep(wait_s)

    def _attached(self) -> Iterator[RunEvent]:
        """The events that come before the line ends. Raises: httpx.RequestError, CliError."""
        request = self._request()
        request.extensions["timeout"] = httpx.Timeout(_SILENCE_S, connect=_CONNECT_S).as_dict()
        with contextlib.closing(self._http.send(request, stream=True)) as response:
            if response.status_code == httpx.codes.NO_CONTENT:  # nothing is left to see
                self._ended = True
                return
            self._check(response)
            decoder = EventDecoder()
            for chunk in response.iter_raw():
                self._note_life()
                try:
                    lines = decoder.feed(chunk)
                except ValueError as exc:
                    raise strange(self._name, f"its events cannot be read: {exc}") from exc
                yield from self._taken(lines)

    def _request(self) -> httpx.Request:
        if self._run_id is None:
            assert self._begin is not None
            return self._begin()
        headers = {"Accept": "text/event-stream", "Accept-Encoding": "identity"}
        if self._after >= 0:
            headers["Last-Event-ID"] = str(self._after)
        return self._http.build_request("GET", path_of("/runs/{}/events", self._run_id), headers=headers)

    def _check(self, response: httpx.Response) -> None:
        """Note which run it is. Raises: CliError when this is no stream of events."""
        if not response.is_success:
            response.read()
            raise refused(response, self._name)
        if not response.headers.get("Content-Type", "").startswith("text/event-stream"):
            raise strange(self._name, "its answer is no stream of events")
        self._run_id = response.headers.get("X-Run-Id", self._run_id)

    def _taken(self, lines: list[JournalLine]) -> Iterator[RunEvent]:
        for line in lines:
            if line.id <= self._after:  # a request that was sent again is answered from the beginning
                continue
            event = _decoded(line, self._name)
            self._after = line.id
            self._attempt = 0
            self._ended = line.is_last
            if event is not None:
                yield event

    def _may_pass(self, error: CliError) -> bool:
        """Whether the server may take us a little later: it is coming back, or its proxy does not see it yet."""
        if self._run_id is None:
            return error.problem_code == ShuttingDown.code
        return error.problem_code in _MAY_PASS or error.exit_code == ExitCode.UNREACHABLE

    def _note_life(self) -> None:
        self._deadline = time.monotonic() + self._patience_s

    def _next_wait(self, reason: str) -> float:
        """How long to wait before the next attempt, in seconds. Raises: CliError when there is none left."""
        wait_s = _WAITS_S[min(self._attempt, len(_WAITS_S) - 1)]
        self._attempt += 1
        if time.monotonic() + wait_s > self._deadline:
            raise CliError(ExitCode.UNREACHABLE, f"{self._name} did not come back: {reason}. The run may go on there.")
        return wait_s


def _decoded(line: JournalLine, name: str) -> RunEvent | None:
    """The event; None when only a newer chatkeep knows it. Raises: CliError when it is none."""
    if not line.is_known:
        return None
    try:
        return line.decoded()
    except msgspec.MsgspecError as exc:
        raise strange(name, f"its event {line.event} is not as expected: {exc}") from exc
