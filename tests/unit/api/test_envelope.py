"""What observers are told of a request."""

from collections.abc import Mapping
from typing import Any

import pytest

from chatkeep.access.answered import Answered
from chatkeep.api.envelope import Envelope

pytestmark = pytest.mark.anyio


async def told_of(method: str, kind: str = "http") -> Answered:
    """What an observer is told of a request with that method."""
    told: list[Answered] = []

    async def app(_scope: object, _receive: object, send: Any) -> None:
        await send({"type": "http.response.start", "status": 405, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})

    async def receive() -> Mapping[str, Any]:
        raise AssertionError

    async def send(message: Mapping[str, Any]) -> None:
        pass

    scope = {"type": kind, "method": method, "path": "/", "headers": []}
    await Envelope(app, [told.append])(scope, receive, send)  # type: ignore[arg-type]
    (answered,) = told
    return answered


async def test_an_observer_is_told_how_a_request_was_answered() -> None:
    answered = await told_of("PATCH")

    assert (answered.method, answered.route, answered.status, answered.bytes_sent) == ("PATCH", "", 405, 2)
    assert answered.duration_s > 0
    assert answered.subject is None


@pytest.mark.parametrize("method", ["BREW", "get", "X" * 5000, "_OTHER", "WEBSOCKET", ""])
async def test_methods_that_nobody_knows_have_one_name(method: str) -> None:
    assert (await told_of(method)).method == "_OTHER"


async def test_a_websocket_has_a_name_of_its_own() -> None:
    assert (await told_of("GET", "websocket")).method == "WEBSOCKET"
