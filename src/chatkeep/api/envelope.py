"""What every request gets whatever becomes of it: an id, its headers, and a place in log and metrics."""

import re
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from http import HTTPStatus

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send, WebSocketCloseEvent

from chatkeep.access.answered import OTHER_METHOD, Answered, RequestObserver
from chatkeep.access.subject import Subject
from chatkeep.api.origins import known_address
from chatkeep.api.problems import CODE, MEDIA_TYPE, REFUSAL, encoded
from chatkeep.chat.events import Problem
from chatkeep.chat.model import new_id

_SANE = re.compile(rb"[A-Za-z0-9._-]{1,128}\Z")

# Why a list: metrics keep what they were told, and some servers take any word for a method. RFC 9110, section 9.1,
# and RFC 5789.
_METHODS = {"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

_WEBSOCKET_STATUS = 101  # Switching Protocols: RFC 6455, section 4.2.2


class Envelope:
    """Wraps the whole application, so that a request for no route has an id too.

    Takes the client's id when it is a sane one, else makes one; it stands in `scope["state"]["request_id"]`.
    Headers in `scope["state"]["headers"]` are added to the response. `around` makes what a request, and the telling
    of it, happens in. `audit` is called with every request and the status of its answer, before `observers` are told.
    """

    def __init__(
        self,
        app: ASGIApp,
        observers: Sequence[RequestObserver] = (),
        *,
        audit: Callable[[Scope, int], None] = lambda _scope, _status: None,
        around: Callable[[Scope], AbstractContextManager[None]] | None = None,
    ) -> None:
        self.app = app
        self._observers = observers
        self._audit = audit
        self._around = around

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        request_id = _given(scope) or new_id("req").encode()
        state = scope.setdefault("state", {})
        state["request_id"] = request_id.decode()
        headers = state["headers"] = [(b"x-request-id", request_id), (b"x-content-type-options", b"nosniff")]
        with structlog.contextvars.bound_contextvars(request_id=request_id.decode()):
            if self._around is None:
                await self._answer(scope, receive, send, headers)
            else:
                with self._around(scope):
                    await self._answer(scope, receive, send, headers)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, headers: list[tuple[bytes, bytes]]) -> None:
        began = time.perf_counter()
        status = _CLIENT_LEFT
        sent = 0

        async def send_on(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.body":
                sent += len(message["body"])
            elif message["type"] == "http.response.start":
                status = message["status"]
                _add(message, headers)
            elif message["type"] == "websocket.accept":
                status = _WEBSOCKET_STATUS
                message["headers"] = [*message["headers"], *headers]
            elif message["type"] == "websocket.close" and status == _CLIENT_LEFT:
                status = await _refuse(scope, send, message, headers)
                return
            await send(message)

        try:
            await self.app(scope, receive, send_on)
        finally:
            self._tell(scope, status, time.perf_counter() - began, sent)

    def _tell(self, scope: Scope, status: int, duration_s: float, sent: int) -> None:
        self._audit(scope, status)
        subject = scope["state"].get("subject")
        answered = Answered(
            method=_method_of(scope),
            route=str(scope.get("path_template", "")),
            status=status,
            duration_s=duration_s,
            bytes_sent=sent,
            subject=subject.name if isinstance(subject, Subject) else None,
            code=scope["state"].get(CODE),
            address=known_address(scope),
        )
        for observer in self._observers:
            observer(answered)


_CLIENT_LEFT = 499  # no standard has a number for it; this is nginx's, and known


def _method_of(scope: Scope) -> str:
    if scope["type"] == ScopeType.WEBSOCKET:
        return "WEBSOCKET"
    method = scope.get("method", "")
    return method if method in _METHODS else OTHER_METHOD


def _add(message: HTTPResponseStartEvent, headers: list[tuple[bytes, bytes]]) -> None:
    shown = list(message["headers"])
    if not any(name == b"cache-control" for name, _ in shown):
        shown.append((b"cache-control", b"no-store"))  # conversations are in no cache between, nor in a browser's
    message["headers"] = [*shown, *headers]


async def _refuse(scope: Scope, send: Send, closing: WebSocketCloseEvent, headers: list[tuple[bytes, bytes]]) -> int:
    """Answer a WebSocket that is not accepted as any other request, and return the status.

    Without the extension, which not every server has, it is a 403 with nothing in it: ASGI, WebSocket Denial Response.
    """
    found = scope["state"].get(REFUSAL)
    if not isinstance(found, Problem) or "websocket.http.response" not in (scope.get("extensions") or {}):
        await send(closing)
        return HTTPStatus.FORBIDDEN
    scope["state"][CODE] = found.code
    body, named = encoded(found, scope["state"]["request_id"])
    named["Content-Type"] = MEDIA_TYPE
    shown = [(name.lower().encode(), value.encode()) for name, value in named.items()]
    await send({"type": "websocket.http.response.start", "status": found.status, "headers": [*shown, *headers]})
    await send({"type": "websocket.http.response.body", "body": body, "more_body": False})
    return found.status


def _given(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value if _SANE.match(value) else None
    return None
