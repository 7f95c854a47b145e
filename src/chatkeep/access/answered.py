"""What is told of a request when it has been answered, and to whom."""

from typing import Protocol

import msgspec

OTHER_METHOD = "_OTHER"
"""Stands for every method that no standard names: OpenTelemetry's conventions for HTTP, `http.request.method`."""


class Answered(msgspec.Struct, frozen=True, gc=False):
    """An answered request. `route` is its template (`/runs/{run_id}`), empty for none.

    `method` is `WEBSOCKET` for a WebSocket, and `_OTHER` for what no standard names; `status` is 499 for a client
    that left first; `subject` is the name of who asked, None for nobody known; `code` is that of the problem document
    it was answered with, `address` the client's, both None without.
    """

    method: str
    route: str
    status: int
    duration_s: float
    bytes_sent: int
    subject: str | None
    code: str | None = None
    address: str | None = None


class RequestObserver(Protocol):
    """Told of every request. Must be quick, and must not raise."""

    def __call__(self, answered: Answered, /) -> None:
        """The request has been answered just now."""
        ...
