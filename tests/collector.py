"""A collector of OpenTelemetry traces, as far as a test needs one: takes OTLP over HTTP and keeps the spans."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue


class CollectedSpan(NamedTuple):
    """One span as it was sent; ids in hexadecimal."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    is_error: bool
    attributes: dict[str, Any]
    resource: dict[str, Any]


class Collector:
    """What came in: `spans` decoded, `raw` all bytes."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.raw = b""
        self.spans: list[CollectedSpan] = []

    def take(self, body: bytes) -> None:
        """Keep one request's spans."""
        self.raw += body
        for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = {each.key: _plain(each.value) for each in resource_spans.resource.attributes}
            for span in (span for scope in resource_spans.scope_spans for span in scope.spans):
                self.spans.append(
                    CollectedSpan(
                        span.name,
                        span.kind,
                        span.trace_id.hex(),
                        span.span_id.hex(),
                        span.parent_span_id.hex(),
                        span.status.code == 2,
                        {each.key: _plain(each.value) for each in span.attributes},
                        resource,
                    )
                )

    def named(self, name: str) -> list[CollectedSpan]:
        """The spans of that name."""
        return [span for span in list(self.spans) if span.name == name]


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            collector.take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector = Collector(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield collector
        finally:
            server.shutdown()
            thread.join()


def _plain(value: AnyValue) -> object:
    match value.WhichOneof("value"):
        case "array_value":
            return [_plain(each) for each in value.array_value.values]
        case None:
            return None
        case kind:
            return getattr(value, kind)
