"""OpenTelemetry's spans. Needs the extra `otel`; imported by tracing.py alone.

Attributes are those of the semantic conventions for HTTP and for generative AI (opentelemetry.io/docs/specs/semconv),
but for `url.path`, which holds ids. No text of messages, no header, no name of a key.
"""

import asyncio
import contextlib
import threading
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from chatkeep.access.answered import OTHER_METHOD, Answered
from chatkeep.chat.observe import RunObserver
from chatkeep.chat.run import Run
from chatkeep.telemetry.requests import PROBES

_CLOSING_S = 3.0  # how long the last spans may take: a collector may be gone
_MOST_CHARS = 200  # of a name that a client chose
_SERVER_ERROR = 500
_PARENT = {b"traceparent", b"tracestate"}  # W3C Trace Context, section 3

_NO_NAME = "HTTP"  # of a span whose method is none that is known: the conventions for HTTP, "Name"

# The conventions have names of their own for some; others are called what we call them.
_PROVIDERS = {"gemini": "gcp.gemini", "mistral": "mistral_ai", "xai": "x_ai"}

_propagator = TraceContextTextMapPropagator()


class Spans(RunObserver):
    """A span for every request but those of probes, and one for every run, made by the request that sent it."""

    def __init__(self, version: str) -> None:
        # Why not left to the library: it calls a service without a name `unknown_service`.
        name = OTELResourceDetector().detect().attributes.get(SERVICE_NAME, "chatkeep")
        resource = Resource.create({SERVICE_NAME: name, SERVICE_VERSION: version})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("chatkeep", version)
        self._runs: dict[str, Span] = {}

    @contextlib.contextmanager
    def around(self, scope: Mapping[str, Any]) -> Iterator[None]:
        """The span of one request, and its trace's id on every log line."""
        if scope["path"] in PROBES:
            yield
            return
        carrier = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _PARENT}
        parent = _propagator.extract(carrier)
        scheme = str(scope.get("scheme", "http"))
        span = self._tracer.start_span(_NO_NAME, parent, SpanKind.SERVER, {"url.scheme": scheme})
        token = context.attach(trace.set_span_in_context(span, parent))
        trace_id = trace.format_trace_id(span.get_span_context().trace_id)
        try:
            with structlog.contextvars.bound_contextvars(trace_id=trace_id):
                yield
        finally:
            context.detach(token)
            span.end()

    def __call__(self, answered: Answered, /) -> None:
        """Say in the request's span how it was answered."""
        span = trace.get_current_span()
        method = "GET" if answered.method == "WEBSOCKET" else answered.method  # a WebSocket begins as one
        span.set_attribute("http.request.method", method)
        span.set_attribute("http.response.status_code", answered.status)
        name = _NO_NAME if method == OTHER_METHOD else method
        span.update_name(f"{name} {answered.route}" if answered.route else name)
        if answered.route:
            span.set_attribute("http.route", answered.route)
        if answered.status >= _SERVER_ERROR:
            span.set_attribute("error.type", str(answered.status))
            span.set_status(StatusCode.ERROR)

    def run_generating(self, run: Run) -> None:
        """Begin the run's span; while it waits for others it has none, which would tell of them."""
        self._runs[run.run_id] = self._begin(run)

    def run_ended(self, run: Run) -> None:
        """End the run's span; that of a run that never got to its provider has no length."""
        span = self._runs.pop(run.run_id, None) or self._begin(run)
        span.set_attributes(_outcome(run))
        if run.problem is not None:
            # Why the code alone: the detail may repeat what was said.
            span.set_attribute("error.type", run.problem.code)
            span.set_status(StatusCode.ERROR)
        span.end()

    async def aclose(self) -> None:
        """Send what is waiting, for a few seconds at most."""
        # Why a thread of its own: one of the loop's pool would be waited for when the process ends.
        closing = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, _CLOSING_S)

    def _begin(self, run: Run) -> Span:
        """Its parent is the request's span: the run's task was begun within it."""
        model = run.record.model[:_MOST_CHARS]
        return self._tracer.start_span(f"chat {model}", kind=SpanKind.CLIENT, attributes=_question(run, model))


def _question(run: Run, model: str) -> dict[str, AttributeValue]:
    """What is known of a run when it begins."""
    record = run.record
    known: dict[str, AttributeValue | None] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": _PROVIDERS.get(record.provider, record.provider),
        "gen_ai.request.model": model,
        "gen_ai.conversation.id": record.chat_id or None,  # a generation outside any chat has none
        "gen_ai.request.temperature": record.temperature,
        "gen_ai.request.max_tokens": record.max_tokens,
        "chatkeep.run.id": run.run_id,
    }
    return {name: value for name, value in known.items() if value is not None}


def _outcome(run: Run) -> dict[str, AttributeValue]:
    """What is known of a run when it has ended."""
    reply = run.reply
    known: dict[str, AttributeValue] = {
        "chatkeep.run.state": run.state.value,
        "gen_ai.provider.name": _PROVIDERS.get(run.provider, run.provider),  # who answered may be a fallback
        "gen_ai.response.model": run.model[:_MOST_CHARS],
    }
    if reply.finish_reason is not None:
        known["gen_ai.response.finish_reasons"] = [reply.finish_reason]
    if reply.usage is not None:
        known["gen_ai.usage.input_tokens"] = reply.usage.prompt_tokens
        known["gen_ai.usage.output_tokens"] = reply.usage.completion_tokens
    if reply.stats is not None and reply.stats.time_to_first_token_ms is not None:
        known["gen_ai.response.time_to_first_chunk"] = reply.stats.time_to_first_token_ms / 1000
    return known
