"""The span of a request whose method nobody knows. The others: tests/api/test_tracing.py."""

import pytest

from chatkeep.access.answered import OTHER_METHOD, Answered
from chatkeep.telemetry.tracing import open_tracing
from tests.collector import collecting

pytestmark = pytest.mark.anyio


async def test_a_method_that_nobody_knows_is_no_name_of_a_span(monkeypatch: pytest.MonkeyPatch) -> None:
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        tracing = open_tracing("1")
        with tracing.around({"type": "http", "method": "BREW", "path": "/", "headers": []}):
            tracing(Answered(OTHER_METHOD, "", 405, 0.1, 2, None))
        await tracing.aclose()

    (span,) = collector.spans
    assert span.name == "HTTP"
    assert span.attributes["http.request.method"] == "_OTHER"
    assert b"BREW" not in collector.raw
