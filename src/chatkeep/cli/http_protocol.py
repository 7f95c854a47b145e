"""uvicorn's HTTP protocol, with bounds for clients that send without end, or stop sending or reading halfway."""

import asyncio
from enum import Enum
from http import HTTPStatus
from typing import NoReturn

from uvicorn._types import ASGI3Application, ASGIReceiveCallable, ASGISendCallable, Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from chatkeep.api.problems import MEDIA_TYPE, encoded
from chatkeep.chat.events import Problem
from chatkeep.chat.model import new_id

_MOST_HEAD_BYTES = 64 * 1024  # of the request line and all headers; browsers and proxies send a few KiB
_MOST_HEADERS = 100
_MOST_WAITING = 16  # requests sent ahead on one connection, before the answer to the first
_LINGER_S = 1.0  # how long a client that is still sending has to read why it was refused: RFC 9112, section 9.6


class _Part(Enum):
    """What the next byte of the client belongs to."""

    HEAD = "head"
    BODY = "body"
    NEXT = "next"  # the request is whole: one may follow


class _Refused(Exception):
    """Tells the parser that the request is not read on."""


def plain_problem(status: HTTPStatus, detail: str, code: str = "http_error") -> Problem:
    """The problem with what the application never saw."""
    title = status.phrase
    return Problem(type=f"urn:chatkeep:problem:{code}", title=title, status=status, detail=detail, code=code)


_TOO_LARGE = plain_problem(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
    f"The request line and all headers may have {_MOST_HEAD_BYTES} bytes, and there may be {_MOST_HEADERS} headers.",
    "headers_too_large",
)
_TWO_HOSTS = plain_problem(
    HTTPStatus.BAD_REQUEST, "The request has more than one Host header."
)  # RFC 9112, section 3.2
_TOO_MANY = plain_problem(HTTPStatus.BAD_REQUEST, f"More than {_MOST_WAITING} requests were sent ahead.")
_TOO_LATE = plain_problem(HTTPStatus.REQUEST_TIMEOUT, "The rest of the request did not come.", "request_timeout")


class HttpProtocol(HttpToolsProtocol):
    """Workaround: uvicorn 0.54 bounds neither the head of a request nor how long a client may take for anything.

    A head that is too large is answered with 431, one that is not whole in `head_s` seconds with 408, as is a body
    of which nothing comes for `body_s`. A client that takes nothing of its answer for `stuck_s` is dropped, after
    `cut_s` when the application ended the answer before its end. Remove what uvicorn mends.
    """

    head_s = 20.0
    body_s = 30.0
    stuck_s = 30.0
    cut_s = 2.0  # with the second until a revoked key is noticed, well below the 5 s that are promised

    _part = _Part.HEAD
    _head_bytes = 0
    _held_bytes = 0  # that the parser keeps to itself until something is whole
    _has_host = False
    _is_over = False
    _problem: Problem | None = None
    _waiting: asyncio.TimerHandle | None = None
    _flushing: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request should begin, and its head end, soon."""
        super().connection_made(transport)
        self._waiting = self.loop.call_later(self.head_s, self._end_silence)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is waited for any more."""
        self._stop_waiting()
        self._stop_flushing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, while the client keeps within its bounds."""
        if self._is_over:
            return
        if self._part is _Part.NEXT:
            self._part = _Part.HEAD
        self._held_bytes += len(data)
        super().data_received(data)
        if self._part is _Part.NEXT or self._is_over:
            return
        if self._held_bytes > _MOST_HEAD_BYTES:
            self._refuse(_TOO_LARGE)
        elif self._part is _Part.BODY:
            self._stop_waiting()
            self._waiting = self.loop.call_later(self.body_s, self._end_silence)
        elif self._waiting is None:
            self._waiting = self.loop.call_later(self.head_s, self._end_silence)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._part = _Part.HEAD
        self._head_bytes = 0
        self._has_host = False

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request's target."""
        self._head_bytes += len(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take one header. What comes after the body is no header of the request: RFC 9110, section 6.5.1."""
        self._held_bytes = 0
        self._head_bytes += len(name) + len(value)
        if len(self.headers) >= _MOST_HEADERS or self._head_bytes > _MOST_HEAD_BYTES:
            self._give_up(_TOO_LARGE)
        if self._part is _Part.BODY:
            return
        if len(name) == len(b"host") and name.lower() == b"host":
            if self._has_host:
                self._give_up(_TWO_HOSTS)
            self._has_host = True
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self._head_bytes > _MOST_HEAD_BYTES:
            self._give_up(_TOO_LARGE)
        if len(self.pipeline) >= _MOST_WAITING:
            self._give_up(_TOO_MANY)
        self._part = _Part.BODY
        self._held_bytes = 0
        self._stop_waiting()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._held_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._part = _Part.NEXT
        self._held_bytes = 0
        self._stop_waiting()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """The parser gave up: say why."""
        self._refuse(self._problem or plain_problem(HTTPStatus.BAD_REQUEST, msg))

    def on_response_complete(self) -> None:
        """An answer was given; see that it is taken."""
        super().on_response_complete()
        if self.transport.get_write_buffer_size():
            self._watch_flush()

    def pause_writing(self) -> None:
        """The client takes less than it is given; see that it takes something."""
        super().pause_writing()
        self._watch_flush()

    def resume_writing(self) -> None:
        """The client took most of what there was."""
        super().resume_writing()
        self._stop_flushing()
        if self.cycle.response_complete and self.transport.get_write_buffer_size():
            self._watch_flush()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        async def answer(scope: Scope, receive: ASGIReceiveCallable, send: ASGISendCallable) -> None:
            try:
                await app(scope, receive, send)
            finally:
                if cycle.response_started and not cycle.response_complete:
                    self._cut(cycle)

        super()._start_asgi_task(cycle, answer)

    def _cut(self, cycle: RequestResponseCycle) -> None:
        """Close without the end of the answer. A close waits for what was written, but not long here."""
        if not cycle.disconnected:
            cycle.disconnected = True
            self.transport.close()
            self.loop.call_later(self.cut_s, self.transport.abort)

    def _end_silence(self) -> None:
        """The rest of a request has not come in time, unless it is we who do not read it yet."""
        self._waiting = None
        in_body = self._part is _Part.BODY
        if self.flow.read_paused or (self._is_answering and not in_body):
            self._waiting = self.loop.call_later(self.body_s if in_body else self.head_s, self._end_silence)
        elif self._held_bytes or self._head_bytes:
            self._refuse(_TOO_LATE)
        else:
            self.transport.close()

    def _give_up(self, problem: Problem) -> NoReturn:
        """Leave the parser, which ends in `send_400_response`."""
        self._problem = problem
        raise _Refused

    def _refuse(self, problem: Problem) -> None:
        """Answer with `problem` and close; only close when that would stand within another answer."""
        self._is_over = True
        self._stop_waiting()
        cycle: RequestResponseCycle | None = self.cycle
        if self._part is _Part.BODY or self._is_answering:
            if cycle is None or cycle.response_started or self.pipeline or self._part is not _Part.BODY:
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.flow.resume_reading()
        self.transport.write(last_answer(problem))
        self.transport.write_eof()
        self.loop.call_later(_LINGER_S, self.transport.abort)

    @property
    def _is_answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _watch_flush(self) -> None:
        self._stop_flushing()
        size = self.transport.get_write_buffer_size()
        self._flushing = self.loop.call_later(self.stuck_s, self._drop_if_stuck, size)

    def _drop_if_stuck(self, size_before: int) -> None:
        """Drop a client that took nothing of what stood here before."""
        if self.transport.get_write_buffer_size() >= size_before:
            self.transport.abort()
        else:
            self._watch_flush()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _stop_flushing(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None


def last_answer(problem: Problem) -> bytes:
    """A whole response that says that the connection is closed after it."""
    request_id = new_id("req")
    body, _ = encoded(problem, request_id)
    head = (
        f"HTTP/1.1 {problem.status} {problem.title}\r\n"
        f"content-type: {MEDIA_TYPE}\r\n"
        f"content-length: {len(body)}\r\n"
        f"x-request-id: {request_id}\r\n"
        "x-content-type-options: nosniff\r\n"
        "connection: close\r\n\r\n"
    )
    return head.encode() + body
