"""Traces by OpenTelemetry, for who has installed it: spans.py makes them."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

from chatkeep.access.answered import Answered
from chatkeep.chat.observe import RunObserver
from chatkeep.errors import ChatkeepError


class Tracing(RunObserver, Protocol):
    """Makes a span of every request and of every run, and sends them."""

    def around(self, scope: Mapping[str, Any]) -> AbstractContextManager[None]:
        """The span of the request of this ASGI scope; runs that begin within are its children."""
        ...

    def __call__(self, answered: Answered, /) -> None:
        """A RequestObserver: called within `around`."""
        ...

    async def aclose(self) -> None:
        """Send what is waiting, for a few seconds at most."""
        ...


def open_tracing(version: str) -> Tracing:
    """Begin to send spans to where the `OTEL_…` variables say. Raises: ChatkeepError when the packages are missing."""
    try:
        from chatkeep.telemetry.spans import Spans  # noqa: PLC0415 - an optional extra
    except ImportError as exc:
        raise ChatkeepError(
            f"CHATKEEP_OTEL needs packages that are not installed ({exc.name}): pip install 'chatkeep[otel]'"
        ) from exc
    return Spans(version)
