"""The request log: one line a request. Paths, queries and headers are not logged: they hold ids, words and keys."""

import structlog
from structlog.typing import FilteringBoundLogger

from chatkeep.access.answered import Answered

PROBES = frozenset({"/health", "/health/ready", "/api/v1/health", "/metrics"})
"""Routes that machines ask every few seconds."""

UNMATCHED = "unmatched"
"""Stands for the route of a request that no route took."""

_SERVER_ERROR = 500


class RequestLog:
    """Logs every request when it has been answered: failures of ours as errors, probes for debugging only."""

    def __init__(self) -> None:
        # Why bound here: a logger that is asked for anew costs as much as the line.
        self._log: FilteringBoundLogger = structlog.get_logger("chatkeep.requests").bind()

    def __call__(self, answered: Answered, /) -> None:
        """A RequestObserver."""
        if answered.status >= _SERVER_ERROR:
            write = self._log.error
        elif answered.route in PROBES:
            write = self._log.debug
        else:
            write = self._log.info
        write(
            "request",
            method=answered.method,
            route=answered.route or UNMATCHED,
            status=answered.status,
            duration_ms=round(answered.duration_s * 1000, 3),
            bytes=answered.bytes_sent,
            key=answered.subject,
            address=answered.address,
            code=answered.code,
        )
