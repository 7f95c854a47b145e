"""A WebSocket that is refused is answered as any request is."""

from collections.abc import Mapping
from typing import Any

import msgspec
import pytest
from litestar import Litestar, WebSocket, websocket
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler

from chatkeep.api.envelope import Envelope
from chatkeep.api.problems import note_refusal
from chatkeep.errors import ChatkeepError, Forbidden, RateLimited, Unauthorized

pytestmark = pytest.mark.anyio

DENIAL: dict[str, object] = {"websocket.http.response": {}}


@websocket("/news")
async def news(socket: WebSocket[Any, Any, Any]) -> None:
    await socket.accept()


async def refused(error: Exception, extensions: Mapping[str, object]) -> list[Mapping[str, Any]]:
    """What the server sends to a WebSocket whose guard raises `error`."""

    def guard(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        raise error

    app = Litestar([news], guards=[guard], after_exception=[note_refusal], logging_config=None, openapi_config=None)
    sent: list[Mapping[str, Any]] = []

    async def receive() -> Mapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Mapping[str, Any]) -> None:
        sent.append(message)

    scope = {
        "type": "websocket",
        "path": "/news",
        "raw_path": b"/news",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"x-request-id", b"mine")],
        "subprotocols": [],
        "extensions": extensions,
        "app": app,
    }
    await Envelope(app)(scope, receive, send)  # type: ignore[arg-type]
    return sent


@pytest.mark.parametrize(
    ("error", "status"),
    [(Unauthorized("who?"), 401), (Forbidden("no"), 403), (RateLimited("slow down", retry_after_s=1.5), 429)],
)
async def test_a_refused_handshake_is_a_problem_document_with_its_status(error: ChatkeepError, status: int) -> None:
    start, body = await refused(error, DENIAL)

    assert (start["type"], start["status"]) == ("websocket.http.response.start", status)
    headers = dict(start["headers"])
    assert (headers[b"content-type"], headers[b"x-request-id"]) == (b"application/problem+json", b"mine")
    assert headers.get(b"retry-after") == (b"2" if status == 429 else None)
    found = msgspec.json.decode(body["body"])
    assert (found["code"], found["request_id"], found["success"]) == (error.code, "mine", False)


async def test_a_crash_before_the_handshake_is_a_500_that_tells_nothing() -> None:
    start, body = await refused(ValueError("a secret"), DENIAL)

    assert start["status"] == 500
    assert b"secret" not in body["body"]


async def test_a_server_without_the_extension_refuses_plainly() -> None:
    (closing,) = await refused(Unauthorized("who?"), {})

    assert closing["type"] == "websocket.close"
